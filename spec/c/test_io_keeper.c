/*
 * The keeper: what children started goes with them when this process is killed, and nothing else
 * ever does.
 */
#include <sys/wait.h>

#include "io/keeper.h"
#include "io_child_test.h"

/* As the server behind npx: it does not end with its input, and has a child that does not either.
 */
static const char family[] = "trap '' TERM; sleep 100 & echo $$ $!; while :; do wait; done";

/* Children of ours that are keepers. */
static pid_t keeper_of(pid_t parent)
{
    char command[128];
    char line[64] = {0};
    snprintf(command, sizeof command, "ps -o pid=,args= --ppid %ld | grep '[s]ouk-keeper'",
             (long)parent);
    FILE *pipe = popen(command, "r");
    bool found = pipe != NULL && fgets(line, sizeof line, pipe) != NULL;
    if (pipe != NULL) {
        pclose(pipe);
    }
    return found ? (pid_t)strtol(line, NULL, 10) : 0;
}

/* Starts a family and gives the leader and its child. */
static void spawn_family(souk_engine *engine, souk_id id, pid_t pids[2])
{
    outcome o;
    outcome_init(&o, id);
    CHECK_INT(spawn_script(engine, id, family, NULL), SOUK_OK);
    wait_for_text(engine, &o, "\n");
    char *rest = NULL;
    pids[0] = (pid_t)strtol(o.body.data, &rest, 10);
    pids[1] = (pid_t)strtol(rest, NULL, 10);
    CHECK(pids[0] > 1 && pids[1] > 1);
    outcome_free(&o);
}

/* A process with two families, which tells their members and then only waits. */
static pid_t fork_program(int tell, int number)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        souk_engine *engine = engine_start(NULL);
        pid_t pids[4];
        spawn_family(engine, 1, pids);
        spawn_family(engine, 2, pids + 2);
        if (number > 0) {
            kill(keeper_of(getpid()), number);
            spawn_family(engine, 3, pids + 2);
        }
        ssize_t written = write(tell, pids, sizeof pids);
        while (written > 0) {
            souk_engine_wait(engine, 1000, NULL);
        }
        _exit(1);
    }
    return pid;
}

static void kill_a_program(int number)
{
    int ends[2];
    pid_t pids[4] = {0};
    CHECK(pipe(ends) == 0);
    pid_t program = fork_program(ends[1], number);
    CHECK(read(ends[0], pids, sizeof pids) == (ssize_t)sizeof pids);
    pid_t keeper = keeper_of(program);
    CHECK(keeper > 1);
    kill(program, SIGKILL);
    waitpid(program, NULL, 0);
    for (int i = 0; i < 4; i++) {
        CHECK(pids[i] > 1 && dies(pids[i]));
    }
    CHECK(dies(keeper));
    close(ends[0]);
    close(ends[1]);
}

static void no_descendant_survives_a_killed_program(void)
{
    kill_a_program(0);
}

static void a_keeper_that_was_killed_is_replaced(void)
{
    kill_a_program(SIGKILL);
}

static void the_signals_of_a_terminal_do_not_end_the_keeper(void)
{
    kill_a_program(SIGTERM);
    kill_a_program(SIGINT);
    kill_a_program(SIGHUP);
}

static void it_is_there_as_long_as_there_are_children(void)
{
    souk_engine *engine = engine_start(NULL);
    int before = open_descriptors();
    pid_t pids[2];
    CHECK_INT(keeper_of(getpid()), 0);
    spawn_family(engine, 1, pids);
    pid_t keeper = keeper_of(getpid());
    CHECK(keeper > 1);
    spawn_family(engine, 2, pids);
    CHECK_INT(keeper_of(getpid()), keeper);
    for (souk_id id = 1; id <= 2; id++) {
        outcome o;
        outcome_init(&o, id);
        close_child(engine, id, 0);
        finish_all(engine, &o, 1);
        outcome_free(&o);
    }
    CHECK_INT(keeper_of(getpid()), 0);
    CHECK(!is_alive(keeper));
    CHECK_INT(open_descriptors(), before);
    souk_engine_free(engine);
}

static void freeing_the_engine_ends_it(void)
{
    souk_engine *engine = engine_start(NULL);
    pid_t pids[2];
    spawn_family(engine, 1, pids);
    pid_t keeper = keeper_of(getpid());
    souk_engine_free(engine);
    CHECK(keeper > 1 && dies(keeper));
    CHECK(dies(pids[0]) && dies(pids[1]));
}

/* A process that only waits, in a group of its own. */
static pid_t fork_bystander(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        for (;;) {
            pause();
        }
    }
    setpgid(pid, pid);
    return pid;
}

/* By then it is another group that may have the number. */
static void a_group_that_was_taken_down_is_not_touched_again(void)
{
    souk_engine *engine = engine_start(NULL);
    pid_t groups[4];
    for (int i = 0; i < 4; i++) {
        groups[i] = fork_bystander(); /* before there is a pipe that it would hold */
    }
    for (int i = 0; i < 4; i++) {
        souk_keeper_add(engine, groups[i]);
    }
    souk_keeper_remove(engine, groups[0]);
    souk_keeper_remove(engine, groups[2]);
    pid_t keeper = engine->keeper.pid;
    close(engine->keeper.in); /* what the end of this process would do */
    engine->keeper.in = -1;
    waitpid(keeper, NULL, 0);
    for (int i = 0; i < 4; i++) {
        CHECK(i % 2 == 0 ? is_alive(groups[i]) : dies(groups[i]));
        kill(groups[i], SIGKILL);
        waitpid(groups[i], NULL, 0);
    }
    souk_engine_free(engine);
}

int main(void)
{
    CASE(no_descendant_survives_a_killed_program);
    CASE(a_keeper_that_was_killed_is_replaced);
    CASE(the_signals_of_a_terminal_do_not_end_the_keeper);
    CASE(it_is_there_as_long_as_there_are_children);
    CASE(freeing_the_engine_ends_it);
    CASE(a_group_that_was_taken_down_is_not_touched_again);
    return tap_done();
}
