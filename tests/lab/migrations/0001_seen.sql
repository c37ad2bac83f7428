CREATE TABLE seen (id text NOT NULL);
CREATE TABLE steps (id text NOT NULL, step integer NOT NULL, place integer NOT NULL);
CREATE TABLE healed (id text NOT NULL);
