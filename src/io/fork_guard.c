#include "io/fork_guard.h"

#include <sys/mman.h>
#include <unistd.h>

void souk_fork_guard_init(souk_fork_guard *guard)
{
    guard->owner = getpid();
    guard->mark = NULL;
    guard->size = 0;
#ifdef MADV_WIPEONFORK
    long page = sysconf(_SC_PAGESIZE);
    if (page <= 0) {
        return;
    }
    size_t size = (size_t)page;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return;
    }
    if (madvise(memory, size, MADV_WIPEONFORK) != 0) {
        (void)munmap(memory, size);
        return;
    }
    guard->mark = memory;
    guard->size = size;
    *guard->mark = 1;
#endif
}

void souk_fork_guard_free(souk_fork_guard *guard)
{
    if (guard->mark != NULL) {
        union {
            volatile unsigned char *mark;
            void *memory;
        } page = {guard->mark};
        (void)munmap(page.memory, guard->size);
        guard->mark = NULL;
    }
}

bool souk_fork_guard_tripped(const souk_fork_guard *guard)
{
    return guard->mark != NULL ? *guard->mark == 0 : getpid() != guard->owner;
}
