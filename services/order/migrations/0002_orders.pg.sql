-- user_id is no foreign key: orders outlive the customer.
CREATE TABLE orders (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL,
    item         text NOT NULL,
    quantity     int NOT NULL CHECK (quantity > 0),
    amount       bigint NOT NULL CHECK (amount >= 0),
    created_at   timestamptz NOT NULL,
    cancelled_at timestamptz
);
CREATE INDEX orders_of_user ON orders (user_id, id);
