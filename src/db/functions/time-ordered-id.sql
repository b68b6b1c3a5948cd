-- Generates a UUID of version 7, like those that the server generates: it starts with the time in milliseconds.
-- Called by loyalty_bring_to.
CREATE OR REPLACE FUNCTION time_ordered_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send(epoch_ms(clock_timestamp())) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid;
$$;
