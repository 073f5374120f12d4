/* signals.c: Ctrl-C and termination as a flag that loops look at; a closed standard descriptor is filled. */
#include "app/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static volatile sig_atomic_t      pending; /* written by the handler: nothing else can be */
static _Atomic(mlmamba_session *) watched;
static bool                       stdin_closed;

static void on_signal(int number)
{
    mlmamba_session *ses = atomic_load(&watched);
    if (pending != 0)
        _exit(128 + number);
    pending = number;
    if (ses != NULL)
        mlmamba_session_cancel(ses); /* an atomic exchange, no more */
}

void signals_watch(mlmamba_session *ses)
{
    atomic_store(&watched, ses);
}

bool signals_stdin_closed(void)
{
    return stdin_closed;
}

void signals_install(void)
{
    stdin_closed = fcntl(STDIN_FILENO, F_GETFD) == -1 && errno == EBADF;
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", fd == 1 ? O_RDONLY : O_RDWR) < 0)
            return; /* read-only in place of standard output: writing there fails, as it should */
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL); /* without SA_RESTART: a waiting read comes back */
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)sigaction(SIGXFSZ, &action, NULL); /* a file that grows too long is a failed write */
}

int signals_pending(void)
{
    return (int)pending;
}

void signals_clear(void)
{
    pending = 0;
}
