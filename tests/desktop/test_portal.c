/* test_portal.c: file dialogs through a made-up desktop portal on a session bus of its own. */
#include "tests/desktop/desk_fixture.h"

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "app/desktop/dialog.h"

typedef enum behaviour { ANSWERS, CANCELS, REFUSES, IS_SILENT, TALKS_NONSENSE, FOREIGN_FILES } behaviour;

/* The portal has a thread, a context and a connection of its own, as another process would. */
typedef struct fake_portal {
    GThread         *thread;
    GMainContext    *context;
    GMainLoop       *loop;
    GDBusConnection *bus;
    gint             ready;
    behaviour        does;
    char             method[32], title[64], name[64]; /* of the last call */
    gboolean         multiple, directory;
} fake_portal;

static fake_portal fake;

static const char interface_xml[] =
    "<node><interface name='org.freedesktop.portal.FileChooser'>"
    "<method name='OpenFile'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='a{sv}' direction='in'/><arg type='o' direction='out'/></method>"
    "<method name='SaveFile'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='a{sv}' direction='in'/><arg type='o' direction='out'/></method>"
    "</interface></node>";

static GVariant *response(const fake_portal *p)
{
    GVariantBuilder results, uris;
    if (p->does == TALKS_NONSENSE)
        return g_variant_new("(s)", "hello");
    g_variant_builder_init(&results, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_init(&uris, G_VARIANT_TYPE("as"));
    if (p->does == FOREIGN_FILES) {
        g_variant_builder_add(&uris, "s", "https://example.org/a.png");
    } else {
        g_variant_builder_add(&uris, "s", "file:///p/a%20b.png");
        g_variant_builder_add(&uris, "s", "file:///p/%ff.png"); /* not UTF-8 */
    }
    g_variant_builder_add(&results, "{sv}", "uris", g_variant_builder_end(&uris));
    return g_variant_new("(ua{sv})", p->does == CANCELS ? 1u : 0u, &results);
}

static void on_call(GDBusConnection *bus, const gchar *sender, const gchar *object, const gchar *interface,
                    const gchar *method, GVariant *parameters, GDBusMethodInvocation *call, gpointer payload)
{
    fake_portal *p     = payload;
    const char  *title = "", *token = "", *name = "";
    GVariant    *options = NULL;
    (void)object, (void)interface;
    g_variant_get(parameters, "(&s&s@a{sv})", NULL, &title, &options);
    (void)g_variant_lookup(options, "handle_token", "&s", &token);
    (void)g_variant_lookup(options, "current_name", "&s", &name);
    p->multiple = p->directory = FALSE;
    (void)g_variant_lookup(options, "multiple", "b", &p->multiple);
    (void)g_variant_lookup(options, "directory", "b", &p->directory);
    (void)g_strlcpy(p->method, method, sizeof p->method);
    (void)g_strlcpy(p->title, title, sizeof p->title);
    (void)g_strlcpy(p->name, name, sizeof p->name);
    char *who = g_strdelimit(g_strdup(sender + 1), ".", '_');
    char *at  = g_strdup_printf("/org/freedesktop/portal/desktop/request/%s/%s", who, token);
    if (p->does == REFUSES) {
        g_dbus_method_invocation_return_dbus_error(call, "org.freedesktop.portal.Error.Failed", "no");
    } else if (p->does != IS_SILENT) {
        g_dbus_method_invocation_return_value(call, g_variant_new("(o)", at));
        (void)g_dbus_connection_emit_signal(bus, sender, at, "org.freedesktop.portal.Request", "Response",
                                            response(p), NULL);
    } else {
        g_object_unref(call); /* nobody ever answers */
    }
    g_variant_unref(options);
    g_free(who);
    g_free(at);
}

static void on_name(GDBusConnection *bus, const gchar *name, gpointer payload)
{
    fake_portal *p = payload;
    (void)bus, (void)name;
    g_atomic_int_set(&p->ready, 1);
}

static gpointer serve(gpointer payload)
{
    static const GDBusInterfaceVTable table = {.method_call = on_call};
    fake_portal                      *p     = payload;
    g_main_context_push_thread_default(p->context);
    GDBusNodeInfo *info = g_dbus_node_info_new_for_xml(interface_xml, NULL);
    p->bus              = g_dbus_connection_new_for_address_sync(g_getenv("DBUS_SESSION_BUS_ADDRESS"),
                                                                 G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                                     G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                                 NULL, NULL, NULL);
    if (p->bus != NULL) {
        (void)g_dbus_connection_register_object(p->bus, "/org/freedesktop/portal/desktop",
                                                info->interfaces[0], &table, p, NULL, NULL);
        guint name = g_bus_own_name_on_connection(p->bus, "org.freedesktop.portal.Desktop",
                                                  G_BUS_NAME_OWNER_FLAGS_NONE, on_name, NULL, p, NULL);
        g_main_loop_run(p->loop);
        g_bus_unown_name(name);
        (void)g_dbus_connection_close_sync(p->bus, NULL, NULL);
        g_object_unref(p->bus);
    }
    g_dbus_node_info_unref(info);
    g_main_context_pop_thread_default(p->context);
    return NULL;
}

static void nap(void)
{
    struct timespec t = {0, 1000000};
    (void)nanosleep(&t, NULL);
}

static int start(void **state)
{
    (void)state;
    fake.context = g_main_context_new();
    fake.loop    = g_main_loop_new(fake.context, FALSE);
    fake.thread  = g_thread_new("portal", serve, &fake);
    for (double end = desk_now() + 20000; g_atomic_int_get(&fake.ready) == 0 && desk_now() < end;)
        nap();
    return g_atomic_int_get(&fake.ready) == 1 ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    g_main_loop_quit(fake.loop);
    (void)g_thread_join(fake.thread);
    g_main_loop_unref(fake.loop);
    g_main_context_unref(fake.context);
    return 0;
}

static ui_event ask_dialog(ui_dialog_kind kind, behaviour does)
{
    dialog     d   = {.run = {.fd = -1}};
    ui_request req = {.type = UI_REQ_DIALOG, .number = kind, .serial = 9, .text = strdup("a chat.html")};
    ui_event   ev  = {0};
    fake.does      = does;
    dialog_start(&d, &req, false);
    for (double end = desk_now() + 30000; !dialog_poll(&d, desk_now(), &ev) && desk_now() < end;)
        nap();
    assert_int_equal(ev.type, UI_EV_DIALOG);
    dialog_stop(&d);
    ui_request_free(&req);
    return ev;
}

static void files_are_chosen(void **state)
{
    (void)state;
    ui_event ev = ask_dialog(UI_DIALOG_PICTURES, ANSWERS);
    assert_int_equal(ev.status, MLM_OK);
    assert_int_equal(ev.n_paths, 2);
    assert_string_equal(ev.paths[0], "/p/a b.png");
    assert_string_equal(ev.paths[1], "/p/\xFF.png");
    assert_string_equal(fake.method, "OpenFile");
    assert_string_equal(fake.title, "Open pictures");
    assert_true(fake.multiple);
    assert_false(fake.directory);
    ui_event_free(&ev);
    ev = ask_dialog(UI_DIALOG_BATCH_FOLDER, ANSWERS);
    assert_true(fake.directory);
    assert_false(fake.multiple);
    ui_event_free(&ev);
    ev = ask_dialog(UI_DIALOG_SAVE_CHAT, ANSWERS);
    assert_string_equal(fake.method, "SaveFile");
    assert_string_equal(fake.name, "a chat.html");
    ui_event_free(&ev);
}

static void nothing_is_chosen(void **state)
{
    (void)state;
    ui_event ev = ask_dialog(UI_DIALOG_FOLDER, CANCELS);
    assert_int_equal(ev.status, MLM_OK);
    assert_int_equal(ev.n_paths, 0);
    ui_event_free(&ev);
    ev = ask_dialog(UI_DIALOG_PICTURES, FOREIGN_FILES);
    assert_int_equal(ev.n_paths, 0);
    ui_event_free(&ev);
}

/* A portal that cannot: no program is in PATH either, so it is the in-app list. */
static void a_broken_portal_is_passed_over(void **state)
{
    (void)state;
    ui_event ev = ask_dialog(UI_DIALOG_PICTURES, REFUSES);
    assert_int_equal(ev.status, MLM_E_UNSUPPORTED);
    ui_event_free(&ev);
    double begin = desk_now();
    ev           = ask_dialog(UI_DIALOG_PICTURES, IS_SILENT);
    assert_int_equal(ev.status, MLM_E_UNSUPPORTED);
    print_message("given up after %.0f ms\n", desk_now() - begin);
    ui_event_free(&ev);
}

/* Stopped while the dialog is open; what still comes then is for nobody. */
static void a_dialog_is_left(void **state)
{
    static const behaviour does[] = {IS_SILENT, TALKS_NONSENSE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        dialog     d   = {.run = {.fd = -1}};
        ui_request req = {.type = UI_REQ_DIALOG, .number = UI_DIALOG_PICTURES};
        ui_event   ev  = {0};
        fake.does      = does[i];
        dialog_start(&d, &req, false);
        for (double end = desk_now() + 300; desk_now() < end; nap())
            assert_false(dialog_poll(&d, desk_now(), &ev));
        dialog_stop(&d);
        assert_false(dialog_is_open(&d));
    }
    ui_event ev = ask_dialog(UI_DIALOG_PICTURES, ANSWERS);
    assert_int_equal(ev.n_paths, 2);
    ui_event_free(&ev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_chosen),
        cmocka_unit_test(nothing_is_chosen),
        cmocka_unit_test(a_dialog_is_left),
        cmocka_unit_test(a_broken_portal_is_passed_over),
    };
    char *daemon = g_find_program_in_path("dbus-daemon");
    if (daemon == NULL)
        return puts("dbus-daemon is not installed"), 77;
    g_free(daemon);
    GTestDBus *bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(bus);
    (void)setenv("DISPLAY", ":99", 1);
    (void)setenv("PATH", "/nowhere", 1);
    int failed = cmocka_run_group_tests(tests, start, finish);
    g_test_dbus_stop(bus);
    g_object_unref(bus);
    return failed;
}
