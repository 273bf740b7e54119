handl = 1
