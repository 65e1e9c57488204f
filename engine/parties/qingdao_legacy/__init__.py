"""The former medical insurance interface of Qingdao: fixed-length GBK messages of 4096 bytes."""
