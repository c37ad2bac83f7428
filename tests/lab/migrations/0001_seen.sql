CREATE TABLE seen (id text NOT NULL);
