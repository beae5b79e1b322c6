-- The second of the portal's clock in which the last request with the job's answer began. Null: not sent, or its arrival is not
-- looked for any more.
ALTER TABLE jobs ADD COLUMN sent_second INTEGER;
