/*
 * xdnd_source.c: drops files on a window of another program, as a file manager does (XDND, version 5).
 *
 *     xdnd_source WINDOW X Y FILE...
 *
 * 0: the target took them.  X and Y are in the window.
 */
#include <X11/Xatom.h>
#include <X11/Xlib.h>

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct source {
    Display *dpy;
    Window   own, target;
    Atom     enter, position, status, drop, finished, selection, copy, uri_list;
    char    *list; /* file:// addresses, one a line */
    bool     dropped, done;
} source;

static void append(char **list, const char *text)
{
    size_t had  = *list != NULL ? strlen(*list) : 0;
    char  *more = realloc(*list, had + strlen(text) + 1);
    if (more == NULL)
        exit(1);
    memcpy(more + had, text, strlen(text) + 1);
    *list = more;
}

/* Every byte that is not plain is escaped. */
static void append_file(char **list, const char *path)
{
    append(list, "file://");
    for (const char *c = path; *c != '\0'; c++) {
        char one[4] = {*c, '\0'};
        if (strchr("/.-_", *c) == NULL && !(*c >= '0' && *c <= '9') && !(*c >= 'A' && *c <= 'Z') &&
            !(*c >= 'a' && *c <= 'z'))
            (void)snprintf(one, sizeof one, "%%%02X", (unsigned char)*c);
        append(list, one);
    }
    append(list, "\r\n");
}

static void tell(source *s, Atom what, long a, long b, long c, long d)
{
    XEvent e = {.xclient = {.type         = ClientMessage,
                            .window       = s->target,
                            .message_type = what,
                            .format       = 32,
                            .data         = {.l = {(long)s->own, a, b, c, d}}}};
    (void)XSendEvent(s->dpy, s->target, False, NoEventMask, &e);
    (void)XFlush(s->dpy);
}

static void give(source *s, const XSelectionRequestEvent *r)
{
    XEvent e  = {.xselection = {.type      = SelectionNotify,
                                .requestor = r->requestor,
                                .selection = r->selection,
                                .target    = r->target,
                                .property  = None,
                                .time      = r->time}};
    Atom   at = r->property != None ? r->property : r->target;
    if (r->target == s->uri_list) {
        (void)XChangeProperty(s->dpy, r->requestor, at, r->target, 8, PropModeReplace,
                              (const unsigned char *)s->list, (int)strlen(s->list));
        e.xselection.property = at;
    }
    (void)XSendEvent(s->dpy, r->requestor, False, NoEventMask, &e);
    (void)XFlush(s->dpy);
}

static void handle(source *s, const XEvent *e)
{
    if (e->type == SelectionRequest)
        give(s, &e->xselectionrequest);
    if (e->type != ClientMessage)
        return;
    if (e->xclient.message_type == s->status && !s->dropped && (e->xclient.data.l[1] & 1) != 0) {
        s->dropped = true;
        tell(s, s->drop, 0, CurrentTime, 0, 0);
    }
    s->done = s->done || e->xclient.message_type == s->finished;
}

static Atom atom(source *s, const char *name)
{
    return XInternAtom(s->dpy, name, False);
}

int main(int argc, char **argv)
{
    source s = {.dpy = XOpenDisplay(NULL)};
    Window child;
    int    x, y;
    if (argc < 5 || s.dpy == NULL)
        return fprintf(stderr, "xdnd_source WINDOW X Y FILE...\n"), 2;
    s.target = strtoul(argv[1], NULL, 0);
    s.own    = XCreateSimpleWindow(s.dpy, DefaultRootWindow(s.dpy), 0, 0, 1, 1, 0, 0, 0);
    s.enter = atom(&s, "XdndEnter"), s.position = atom(&s, "XdndPosition"), s.status = atom(&s, "XdndStatus");
    s.drop = atom(&s, "XdndDrop"), s.finished = atom(&s, "XdndFinished");
    s.selection = atom(&s, "XdndSelection"), s.copy = atom(&s, "XdndActionCopy");
    s.uri_list = atom(&s, "text/uri-list");
    for (int i = 4; i < argc; i++)
        append_file(&s.list, argv[i]);
    (void)XSetSelectionOwner(s.dpy, s.selection, s.own, CurrentTime);
    (void)XTranslateCoordinates(s.dpy, s.target, DefaultRootWindow(s.dpy), (int)strtol(argv[2], NULL, 10),
                                (int)strtol(argv[3], NULL, 10), &x, &y, &child);
    tell(&s, s.enter, 5L << 24, (long)s.uri_list, 0, 0);
    tell(&s, s.position, 0, (long)x << 16 | y, CurrentTime, (long)s.copy);
    struct pollfd p = {.fd = ConnectionNumber(s.dpy), .events = POLLIN};
    for (int turns = 0; !s.done && turns < 200; turns++) {
        (void)poll(&p, 1, 100);
        while (XPending(s.dpy) > 0) {
            XEvent e;
            (void)XNextEvent(s.dpy, &e);
            handle(&s, &e);
        }
    }
    free(s.list);
    (void)XCloseDisplay(s.dpy);
    return s.done ? 0 : 1;
}
