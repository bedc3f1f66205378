/* What the engine is built on. */
#ifndef SOUK_IO_LIBRARY_H
#define SOUK_IO_LIBRARY_H

/* The libcurl that is loaded, and what it has in it: "libcurl/7.88.1 OpenSSL/3.0.16 ...". */
const char *souk_io_library(void);

#endif
