/* test_desktop_files.c: folders and files, atomic writes, exports, the clipboard and dialogs through made-up programs, model scan. */
#include "tests/desktop/desk_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "app/desktop/app_dirs.h"
#include "app/desktop/clipboard.h"
#include "app/desktop/dialog.h"
#include "app/desktop/export.h"
#include "app/desktop/file_list.h"
#include "app/desktop/gather.h"
#include "app/desktop/model_memory.h"
#include "app/desktop/model_scan.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"
#include "kernels/base/mlm_json.h"

static temp_dir dir;

static int start(void **state)
{
    (void)state;
    temp_dir_open(&dir);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    desk_remove_tree(dir.path);
    return 0;
}

static const char png_head[] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR";

static void make_file(const char *name, const void *bytes, size_t n)
{
    (void)temp_dir_write(&dir, name, bytes, n);
}

static char *at(const char *name)
{
    static char path[8][512];
    static int  next;
    next = (next + 1) % 8;
    (void)snprintf(path[next], sizeof path[next], "%s/%s", dir.path, name);
    return path[next];
}

/* ---- gathering ---------------------------------------------------------------------------------- */

static void test_gather_refuses(void **state)
{
    gathered           g;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    make_file("empty.png", "", 0);
    make_file("text.png", "no picture, but that is for the decoder to say", 40);
    assert_int_equal(mkfifo(at("pipe.png"), 0600), 0);
    int s     = socket(AF_UNIX, SOCK_STREAM, 0);
    int wrote = snprintf(address.sun_path, sizeof address.sun_path, "%.90s/s", dir.path);
    assert_true(wrote > 0);
    assert_int_equal(bind(s, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(s);
    static const char *const want[][2] = {{"empty.png", "is empty"},
                                          {"pipe.png", "is a pipe"},
                                          {"s", "is a socket"},
                                          {"none", "does not exist"}};
    for (size_t i = 0; i < 4; i++) {
        char *path = at(want[i][0]);
        assert_int_equal(gather_pictures(&g, &path, 1, NULL), MLM_OK);
        assert_int_equal(g.n, 0);
        if (g.note == NULL || strstr(g.note, want[i][1]) == NULL)
            fail_msg("%s: %s", want[i][0], g.note);
        gathered_free(&g);
    }
    char  zero[] = "/dev/zero"; /* looked at, never opened */
    char *path   = zero;
    assert_int_equal(gather_pictures(&g, &path, 1, NULL), MLM_OK);
    assert_non_null(strstr(g.note, "device"));
    gathered_free(&g);
    char *all[] = {at("empty.png"), at("pipe.png"), at("text.png")};
    assert_int_equal(gather_pictures(&g, all, 3, NULL), MLM_OK);
    assert_int_equal(g.n, 1);
    assert_non_null(strstr(g.note, "and 1 more left out"));
    gathered_free(&g);
}

static void test_gather_walks(void **state)
{
    gathered g;
    char     name[64];
    (void)state;
    assert_int_equal(mkdir(at("a"), 0700), 0);
    assert_int_equal(mkdir(at("a/b"), 0700), 0);
    assert_int_equal(mkdir(at("a/.hidden"), 0700), 0);
    make_file("a/2.png", png_head, sizeof png_head);
    make_file("a/1.bin", "\xFF\xD8\xFF\xE0 a jpeg without its name", 28);
    make_file("a/notes.txt", "nothing to look at", 18);
    make_file("a/.hidden/x.png", png_head, sizeof png_head);
    make_file("a/b/\xFF\xFE.png", png_head, sizeof png_head); /* not UTF-8 */
    make_file("a/b/x.webp", "RIFF\0\0\0\0WEBPVP8 ", 16);
    make_file("a/b/x.gif", "GIF89a\0\0\0\0\0\0\0", 13);
    make_file("a/b/x.avif",
              "\0\0\0\x1C"
              "ftypavif\0\0\0\0",
              16);
    make_file("a/b/movie.mp4",
              "\0\0\0\x1C"
              "ftypisom\0\0\0\0",
              16);
    make_file("a/b/x.tga", "\0\0\2\0\0\0\0\0\0\0\0\0", 12);
    make_file("a/b/x.bmp", "BM\1\2\3\4\0\0\0\0\0\0\0", 13);
    assert_int_equal(mkfifo(at("a/pipe.png"), 0600), 0);
    assert_int_equal(symlink("..", at("a/b/loop")), 0);
    assert_int_equal(symlink("2.png", at("a/link.png")), 0);
    char *path = at("a");
    assert_int_equal(gather_pictures(&g, &path, 1, NULL), MLM_OK);
    assert_int_equal(g.n, 9);
    assert_null(g.note);
    assert_non_null(strstr(g.path[0], "a/1.bin"));
    gathered_free(&g);
    /* Deeper than anybody nests, and nothing in it. */
    (void)snprintf(name, sizeof name, "deep");
    for (int i = 0; i < 20; i++) {
        assert_int_equal(mkdir(at(name), 0700), 0);
        (void)snprintf(name + strlen(name), sizeof name - strlen(name), "/d");
    }
    path = at("deep");
    assert_int_equal(gather_pictures(&g, &path, 1, NULL), MLM_OK);
    assert_non_null(strstr(g.note, "deeper than"));
    gathered_free(&g);
    path = at("a/.hidden/../../a/b/../.hidden");
    assert_int_equal(gather_pictures(&g, &path, 1, NULL), MLM_OK);
    assert_int_equal(g.n, 1); /* named, so it is wanted */
    gathered_free(&g);
    assert_int_equal(mkdir(at("nothing"), 0700), 0);
    path = at("nothing");
    assert_int_equal(gather_pictures(&g, &path, 1, NULL), MLM_OK);
    assert_non_null(strstr(g.note, "/nothing: there is no picture in it"));
    gathered_free(&g);
    atomic_bool stop;
    atomic_init(&stop, true);
    assert_int_equal(gather_pictures(&g, &path, 1, &stop), MLM_E_CANCELLED);
}

static void test_gather_many(void **state)
{
    enum { N = GATHER_MAX_PICTURES + 50 };
    gathered g;
    char     name[64];
    (void)state;
    assert_int_equal(mkdir(at("many"), 0700), 0);
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "many/%05d.png", i);
        make_file(name, png_head, sizeof png_head);
    }
    char *path = at("many");
    assert_int_equal(gather_pictures(&g, &path, 1, NULL), MLM_OK);
    assert_int_equal(g.n, GATHER_MAX_PICTURES);
    assert_string_equal(g.note, "only the first 10000 pictures are taken");
    gathered_free(&g);
}

/* ---- the in-app list ---------------------------------------------------------------------------- */

static void test_file_list(void **state)
{
    ui_file_list list;
    char        *file = NULL;
    (void)state;
    assert_int_equal(mkdir(at("zdir"), 0700), 0);
    make_file("b.png", "x", 1);
    make_file("A.JPG", "x", 1);
    make_file("notes.txt", "x", 1);
    make_file(".hidden.png", "x", 1);
    make_file("\xFF.png", "x", 1);
    assert_int_equal(mkfifo(at("pipe.png"), 0600), 0);
    assert_int_equal(file_list_read(&list, &file, dir.path, false), MLM_OK);
    assert_null(file);
    assert_int_equal(list.n_rows, 4);
    assert_string_equal(list.row[0].name, "zdir");
    assert_true(list.row[0].is_dir);
    assert_string_equal(list.row[1].name, "A.JPG");
    assert_string_equal(list.row[3].shown, "\xEF\xBF\xBD.png");
    ui_file_list_clear(&list);
    assert_int_equal(file_list_read(&list, &file, dir.path, true), MLM_OK);
    assert_int_equal(list.n_rows, 5);
    ui_file_list_clear(&list);
    assert_int_equal(file_list_read(&list, &file, at("b.png"), false), MLM_OK);
    assert_string_equal(file, at("b.png"));
    free(file);
    assert_int_equal(file_list_read(&list, &file, at("none"), false), MLM_E_NOTFOUND);
    assert_int_equal(setenv("HOME", dir.path, 1), 0);
    assert_int_equal(file_list_read(&list, &file, NULL, false), MLM_OK);
    assert_int_equal(list.n_rows, 4);
    ui_file_list_clear(&list);
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void assert_content(const char *path, const char *want)
{
    char  *data = NULL;
    size_t n    = 0;
    assert_int_equal(mlm_file_read(&data, &n, path, 1 << 24, "file"), MLM_OK);
    assert_string_equal(data, want);
    free(data);
}

static void test_atomic_write(void **state)
{
    struct stat st;
    char       *path = NULL;
    (void)state;
    assert_int_equal(mlm_file_write(at("f"), "one", 3, 0600, "settings"), MLM_OK);
    assert_content(at("f"), "one");
    assert_int_equal(chmod(at("f"), 0640), 0);
    assert_int_equal(symlink("f", at("link")), 0);
    assert_int_equal(mlm_file_write(at("link"), "two", 3, 0600, "settings"), MLM_OK);
    assert_content(at("f"), "two");
    assert_int_equal(lstat(at("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(at("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(mkdir(at("d"), 0700), 0);
    assert_int_equal(mlm_file_write(at("d"), "x", 1, 0600, "settings"), MLM_E_IO);
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    assert_int_equal(mlm_file_write(at("pipe"), "x", 1, 0600, "settings"), MLM_E_IO);
    assert_int_equal(mlm_file_write(at("none/f"), "x", 1, 0600, "settings"), MLM_E_IO);
    assert_int_equal(mlm_file_write(at("f/f"), "x", 1, 0600, "settings"), MLM_E_IO);
    assert_int_equal(mlm_make_dirs(at("x/y/z"), 0700), MLM_OK);
    assert_int_equal(mlm_make_dirs(at("x/y/z"), 0700), MLM_OK);
    assert_int_equal(mlm_make_dirs(at("f/y"), 0700), MLM_E_IO);
    /* XDG: relative values do not count. */
    assert_int_equal(setenv("XDG_DATA_HOME", "/data", 1), 0);
    assert_int_equal(file_xdg_dir(&path, "XDG_DATA_HOME", ".local/share"), MLM_OK);
    assert_string_equal(path, "/data/mlmamba");
    free(path);
    assert_int_equal(setenv("XDG_DATA_HOME", "data", 1), 0);
    assert_int_equal(setenv("HOME", "/home/me", 1), 0);
    assert_int_equal(file_xdg_dir(&path, "XDG_DATA_HOME", ".local/share"), MLM_OK);
    assert_string_equal(path, "/home/me/.local/share/mlmamba");
    free(path);
    (void)unsetenv("XDG_DATA_HOME");
    assert_int_equal(file_expand_home(&path, "~/x"), MLM_OK);
    assert_string_equal(path, "/home/me/x");
    free(path);
    assert_int_equal(file_expand_home(&path, "~you"), MLM_OK);
    assert_string_equal(path, "~you");
    free(path);
}

/* ---- export ------------------------------------------------------------------------------------- */

static chat *hostile_chat(void)
{
    static const uint8_t pixels[48] = {200, 10, 10};
    chat                *c          = NULL;
    int                  i;
    assert_int_equal(chat_create(&c), MLM_OK);
    (void)chat_set_text(&c->title, "<script>alert(1)</script> \"&'");
    assert_int_equal(chat_add_picture(c, 7, "/p/\xFF<b>.png", NULL, &i), MLM_OK);
    c->picture[0]->width = c->picture[0]->height = 4;
    assert_int_equal(mlmamba_image_from_rgb(&c->picture[0]->thumb, pixels, 4, 4), MLM_OK);
    assert_int_equal(chat_add_turn(c, 1, CHAT_NONE, 0, "<img src=x onerror=alert(1)>", "p", &i), MLM_OK);
    c->turn[0]->state = CHAT_TURN_DONE;
    assert_int_equal(chat_append_answer(c->turn[0], "# no heading\n- `no` list\x1B[31m"), MLM_OK);
    assert_int_equal(chat_add_turn(c, 2, 0, 0, "child", "p", &i), MLM_OK);
    c->turn[1]->state = CHAT_TURN_FAILED;
    (void)chat_set_text(&c->turn[1]->error, "it <failed>");
    assert_int_equal(chat_add_turn(c, 3, CHAT_NONE, 0, "another", "p", &i), MLM_OK);
    c->turn[2]->state   = CHAT_TURN_DONE;
    c->turn[2]->has_box = true;
    c->turn[2]->region  = (chat_region){1, 1, 2, 2};
    c->created_ms       = 1700000000000.0;
    return c;
}

static void test_export(void **state)
{
    chat  *c    = hostile_chat();
    char  *text = NULL;
    size_t n    = 0;
    (void)state;
    assert_int_equal(export_chat(&text, &n, c, UI_EXPORT_HTML), MLM_OK);
    assert_int_equal(strlen(text), n);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<img src=x"));
    assert_null(strstr(text, "<failed>"));
    assert_non_null(strstr(text, "default-src &#39;none&#39;") == NULL ? strstr(text, "default-src 'none'")
                                                                       : NULL);
    assert_non_null(strstr(text, "data:image/jpeg;base64,/9j/"));
    assert_non_null(strstr(text, "&lt;img src=x onerror=alert(1)&gt;"));
    assert_null(strstr(text, "\x1B"));
    free(text);
    assert_int_equal(export_chat(&text, &n, c, UI_EXPORT_MARKDOWN), MLM_OK);
    assert_non_null(strstr(text, "\\# no heading\n\\- \\`no\\` list"));
    assert_null(strstr(text, "\n# no heading"));
    /* The child stands behind its parent, not behind the alternative that was asked later. */
    assert_true(strstr(text, "child") < strstr(text, "another"));
    assert_non_null(strstr(text, "(2 of 2)"));
    free(text);
    assert_int_equal(export_chat(&text, &n, c, UI_EXPORT_JSON), MLM_OK);
    mlm_json *doc = NULL;
    if (mlm_json_parse(&doc, text, n, "export", 0) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    const mlm_json_node *turns = mlm_json_get(mlm_json_root(doc), "turns");
    assert_int_equal(mlm_json_count(turns), 3);
    const mlm_json_node *picture = mlm_json_first(mlm_json_get(mlm_json_root(doc), "pictures"));
    assert_string_equal(mlm_json_text(mlm_json_get(picture, "path_hex"), NULL), "2f702fff3c623e2e706e67");
    mlm_json_free(doc);
    free(text);
    assert_int_equal(export_chat_file(at("chat.html"), c, UI_EXPORT_HTML), MLM_OK);
    assert_int_equal(export_chat_file(at("none/chat.html"), c, UI_EXPORT_HTML), MLM_E_IO);
    chat_free(c);
}

/* ---- other programs ----------------------------------------------------------------------------- */

static void make_program(const char *name, const char *script)
{
    char text[2048];
    int  n = snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    make_file(name, text, (size_t)n);
    assert_int_equal(chmod(at(name), 0700), 0);
}

static void nap(void)
{
    struct timespec t = {0, 1000000};
    (void)nanosleep(&t, NULL);
}

static ui_event paste(void)
{
    clipboard c   = {.run = {.fd = -1}};
    ui_event  ev  = {0};
    double    end = desk_now() + 20000;
    clipboard_start(&c, 5, desk_now());
    while (!clipboard_poll(&c, desk_now(), &ev) && desk_now() < end)
        nap();
    assert_int_equal(ev.type, UI_EV_CLIPBOARD);
    assert_false(c.active);
    clipboard_stop(&c);
    return ev;
}

static void set_path(bool wayland)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s:/usr/bin:/bin", dir.path);
    assert_int_equal(setenv("PATH", path, 1), 0);
    if (wayland)
        assert_int_equal(setenv("WAYLAND_DISPLAY", "wayland-9", 1), 0);
    else
        (void)unsetenv("WAYLAND_DISPLAY");
}

static void test_clipboard(void **state)
{
    (void)state;
    set_path(false);
    make_program("xclip", "case \"$*\" in *TARGETS*) printf 'TARGETS\\nimage/jpeg\\nimage/png\\n';; "
                          "*image/png*) printf 'PNGBYTES\\000x';; *) exit 1;; esac");
    ui_event ev = paste();
    assert_int_equal(ev.status, MLM_OK);
    assert_int_equal(ev.n_bytes, 10);
    assert_memory_equal(ev.bytes, "PNGBYTES\0x", 10);
    ui_event_free(&ev);
    set_path(true);
    make_program("wl-paste", "case \"$*\" in *list-types*) printf 'text/plain\\ntext/uri-list\\n';; "
                             "*uri-list*) printf 'file:///p/a%%20b.png\\r\\n';; *) exit 1;; esac");
    ev = paste();
    assert_int_equal(ev.status, MLM_OK);
    assert_int_equal(ev.n_paths, 1);
    assert_string_equal(ev.paths[0], "/p/a b.png");
    ui_event_free(&ev);
    make_program("wl-paste", "printf 'text/plain\\n'");
    ev = paste();
    assert_int_equal(ev.status, MLM_E_NOTFOUND);
    assert_non_null(strstr(ev.text, "no picture in the clipboard"));
    ui_event_free(&ev);
    make_program("wl-paste", "echo broken >&2; exit 1");
    ev = paste();
    assert_int_equal(ev.status, MLM_E_NOTFOUND);
    ui_event_free(&ev);
    make_program("wl-paste", "case \"$*\" in *list-types*) echo text/uri-list;; *) echo http://x;; esac");
    ev = paste();
    assert_int_equal(ev.status, MLM_E_NOTFOUND);
    ui_event_free(&ev);
}

static void test_clipboard_too_much_and_too_slow(void **state)
{
    (void)state;
    set_path(false);
    make_program("xclip",
                 "case \"$*\" in *TARGETS*) echo image/png;; *) exec head -c 104857600 /dev/zero;; esac");
    ui_event ev = paste();
    assert_int_equal(ev.status, MLM_E_RANGE);
    assert_non_null(strstr(ev.text, "64 MB"));
    ui_event_free(&ev);
    make_program("xclip", "sleep 30 & sleep 30");
    ev = paste();
    assert_int_equal(ev.status, MLM_E_IO);
    assert_non_null(strstr(ev.text, "2 seconds"));
    ui_event_free(&ev);
    /* Not installed: the package is named. */
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    ev = paste();
    assert_int_equal(ev.status, MLM_E_NOTFOUND);
    assert_non_null(strstr(ev.text, "apt-get install xclip"));
    ui_event_free(&ev);
    assert_int_equal(setenv("WAYLAND_DISPLAY", "w", 1), 0);
    ev = paste();
    assert_non_null(strstr(ev.text, "apt-get install wl-clipboard"));
    ui_event_free(&ev);
}

static ui_event ask_dialog(ui_dialog_kind kind, bool in_app)
{
    dialog     d   = {.run = {.fd = -1}};
    ui_request req = {
        .type = UI_REQ_DIALOG, .number = kind, .id = 2, .serial = 9, .text = strdup("a chat.html")};
    ui_event ev  = {0};
    double   end = desk_now() + 20000;
    dialog_start(&d, &req, in_app);
    assert_true(dialog_is_open(&d));
    while (!dialog_poll(&d, desk_now(), &ev) && desk_now() < end)
        nap();
    assert_int_equal(ev.type, UI_EV_DIALOG);
    assert_int_equal(ev.serial, 9);
    assert_int_equal(ev.id, 2);
    assert_false(dialog_is_open(&d));
    dialog_stop(&d);
    ui_request_free(&req);
    return ev;
}

static void test_dialogs(void **state)
{
    (void)state;
    set_path(false);
    assert_int_equal(setenv("DISPLAY", ":99", 1), 0);
    assert_int_equal(setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere", 1), 0); /* no portal */
    make_program("zenity", "sleep 0.5; printf '/p/a\\nb.png\\037/p/c.png\\n'");
    ui_event ev = ask_dialog(UI_DIALOG_PICTURES, false);
    assert_int_equal(ev.status, MLM_OK);
    assert_int_equal(ev.n_paths, 2);
    assert_string_equal(ev.paths[0], "/p/a\nb.png");
    assert_string_equal(ev.paths[1], "/p/c.png");
    ui_event_free(&ev);
    make_program("zenity", "sleep 0.5; exit 1"); /* cancelled */
    ev = ask_dialog(UI_DIALOG_FOLDER, false);
    assert_int_equal(ev.status, MLM_OK);
    assert_int_equal(ev.n_paths, 0);
    ui_event_free(&ev);
    /* It cannot be shown: the next program; then ours. */
    make_program("zenity", "exit 1");
    make_program(
        "kdialog",
        "case \"$*\" in *getsavefilename*) echo \"/p/saved.html\";; *) echo /p/x.png; echo /p/y.png;; esac");
    ev = ask_dialog(UI_DIALOG_SAVE_CHAT, false);
    assert_int_equal(ev.status, MLM_OK);
    assert_string_equal(ev.paths[0], "/p/saved.html");
    ui_event_free(&ev);
    ev = ask_dialog(UI_DIALOG_PICTURES, false);
    assert_int_equal(ev.n_paths, 2);
    ui_event_free(&ev);
    make_program("kdialog", "exit 127");
    ev = ask_dialog(UI_DIALOG_BATCH_FOLDER, false);
    assert_int_equal(ev.status, MLM_E_UNSUPPORTED);
    assert_string_equal(ev.text, "a chat.html");
    ui_event_free(&ev);
    ev = ask_dialog(UI_DIALOG_PICTURES, true);
    assert_int_equal(ev.status, MLM_E_UNSUPPORTED);
    ui_event_free(&ev);
    (void)unsetenv("DISPLAY");
    ev = ask_dialog(UI_DIALOG_PICTURES, false); /* no display: no program is even tried */
    assert_int_equal(ev.status, MLM_E_UNSUPPORTED);
    ui_event_free(&ev);
}

/* ---- models ------------------------------------------------------------------------------------- */

static bool has_row(const ui_model_row *row, int n, const char *part, ui_model_source source)
{
    for (int i = 0; i < n; i++)
        if (strstr(row[i].dir, part) != NULL && row[i].source == source)
            return true;
    return false;
}

static void test_model_scan(void **state)
{
    ui_model_row *row = NULL;
    int           n   = 0;
    (void)state;
    assert_int_equal(setenv("HOME", dir.path, 1), 0);
    assert_int_equal(setenv("HF_HOME", at("hf"), 1), 0);
    (void)unsetenv("HF_HUB_CACHE");
    (void)unsetenv("XDG_DATA_HOME");
    assert_int_equal(setenv("XDG_DATA_DIRS", at("share"), 1), 0);
    assert_int_equal(mlm_make_dirs(at(".local/share/mlmamba/models/one"), 0700), MLM_OK);
    make_file(".local/share/mlmamba/models/one/config.json", "{}", 2);
    assert_int_equal(mlm_make_dirs(at("share/mlmamba/models/two"), 0700), MLM_OK);
    make_file("share/mlmamba/models/two/model.safetensors", "x", 1);
    assert_int_equal(mlm_make_dirs(at("hf/hub/models--org--ML-Mamba/snapshots/abc"), 0700), MLM_OK);
    make_file("hf/hub/models--org--ML-Mamba/snapshots/abc/latest-checkpoint.pt", "x", 1);
    assert_int_equal(mlm_make_dirs(at("hf/hub/models--org--gpt2/snapshots/abc"), 0700), MLM_OK);
    make_file("hf/hub/models--org--gpt2/snapshots/abc/config.json", "{}", 2);
    assert_int_equal(mlm_make_dirs(at("extra/three"), 0700), MLM_OK);
    make_file("extra/three/config.json", "not json", 8);
    assert_int_equal(setenv("MLMAMBA_MODEL", at("share/mlmamba/models/two"), 1), 0);
    char *dirs[] = {at("gone"), at("extra/three"), at("extra")};
    assert_int_equal(model_scan(&row, &n, dirs, 3, 2), MLM_OK);
    assert_true(has_row(row, n, "mlmamba-tiny", UI_MODEL_BUILT_IN));
    assert_true(has_row(row, n, "models/two", UI_MODEL_ENVIRONMENT));
    assert_true(has_row(row, n, "extra/three", UI_MODEL_RECENT));
    assert_true(has_row(row, n, "models/one", UI_MODEL_FOUND));
    assert_true(has_row(row, n, "ML-Mamba", UI_MODEL_FOUND));
    assert_false(has_row(row, n, "gpt2", UI_MODEL_FOUND));
    assert_int_equal(n, 5); /* each once, a folder that is gone not at all */
    for (int i = 0; i < n; i++) {
        assert_int_equal(model_scan_check(&row[i], "cpu", 64), MLM_OK);
        assert_true(row[i].checked);
        if (row[i].source == UI_MODEL_BUILT_IN) {
            assert_true(row[i].check->complete);
            assert_true(row[i].estimated && row[i].fits && row[i].memory.weights_bytes > 0);
            assert_true(row[i].memory.session_bytes > (size_t)64 << 20);
        } else {
            assert_true(row[i].note != NULL || !row[i].check->complete);
        }
    }
    ui_model_rows_free(row, n);
    (void)unsetenv("MLMAMBA_MODEL");
}

static void test_quota(void **state)
{
    const size_t mb = 1 << 20, small = 4 * mb, big = 170 * mb;
    (void)state;
    assert_int_equal(model_memory_quota(big, 64, 0), 64 * mb);
    assert_int_equal(model_memory_quota(small, 0, 32000 * (uint64_t)mb), 256 * mb);
    assert_int_equal(model_memory_quota(big, 0, 32000 * (uint64_t)mb), 16 * big);
    assert_int_equal(model_memory_quota(big, 0, 4000 * (uint64_t)mb), 1000 * mb);
    assert_int_equal(model_memory_quota(big, 0, 0), 256 * mb); /* not known */
    assert_true(model_memory_free() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gather_refuses, start, finish),
        cmocka_unit_test_setup_teardown(test_gather_walks, start, finish),
        cmocka_unit_test_setup_teardown(test_gather_many, start, finish),
        cmocka_unit_test_setup_teardown(test_file_list, start, finish),
        cmocka_unit_test_setup_teardown(test_atomic_write, start, finish),
        cmocka_unit_test_setup_teardown(test_export, start, finish),
        cmocka_unit_test_setup_teardown(test_clipboard, start, finish),
        cmocka_unit_test_setup_teardown(test_clipboard_too_much_and_too_slow, start, finish),
        cmocka_unit_test_setup_teardown(test_dialogs, start, finish),
        cmocka_unit_test_setup_teardown(test_model_scan, start, finish),
        cmocka_unit_test(test_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
