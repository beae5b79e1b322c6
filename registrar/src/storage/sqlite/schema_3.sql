-- Since when the OAuth server refuses to renew its token, though nothing else speaks against it. Null: it does not.
ALTER TABLE installations ADD COLUMN refused_since INTEGER;
