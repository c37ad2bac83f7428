-- What user-service told us of its users.
CREATE TABLE customers (
    id         uuid PRIMARY KEY,
    email      text NOT NULL,
    name       text NOT NULL,
    event_id   uuid NOT NULL,
    updated_at timestamptz NOT NULL
);
