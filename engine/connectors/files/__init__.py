"""Files both ways: a drop directory or an SFTP server to take from, and to put into."""
