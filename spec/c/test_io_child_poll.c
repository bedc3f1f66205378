/* The same promises over poll(2) and without pidfds, as on other systems than Linux. */
#define SOUK_LOOP_POLL 1
#define SOUK_NO_PIDFD 1

#include "io/child.c"
#include "io/loop_poll.c"
#include "test_io_child.c"
