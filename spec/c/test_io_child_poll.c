/* The same promises over poll(2), which other systems than Linux use. */
#define SOUK_LOOP_POLL 1

#include "io/loop_poll.c"
#include "test_io_child.c"
