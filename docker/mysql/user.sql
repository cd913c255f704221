-- The user that tallylake reads with, and all that it may do. Runs once, when the data volume is made.
CREATE USER tallylake IDENTIFIED BY 'tallylake';
GRANT SELECT ON *.* TO tallylake;
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO tallylake;
-- For a snapshot that begins while an XA transaction is open, and for an exact view without a lock.
GRANT XA_RECOVER_ADMIN, BACKUP_ADMIN ON *.* TO tallylake;
