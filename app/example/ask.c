/* ask.c: ask pictures questions from another program.   cc ask.c $(pkg-config --cflags --libs mlmamba) -o ask */
#include "mlmamba.h"

#include <stdio.h>

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, mlm_error_message());
    return 1;
}

/* The picture is encoded once; every question after the first starts from its state. */
static int talk(mlmamba_session *ses, const char *picture, char **questions)
{
    if (mlmamba_session_set_image_file(ses, picture, NULL) != MLM_OK)
        return fail(picture);
    for (; *questions != NULL; questions++) {
        mlmamba_answer *ans;
        if (mlmamba_session_ask(&ans, ses, *questions, NULL, NULL, NULL) != MLM_OK)
            return fail(*questions);
        printf("%s\n", ans->text);
        mlmamba_answer_free(ans);
    }
    return 0;
}

int main(int argc, char **argv)
{
    mlmamba_engine  *eng;
    mlmamba_session *ses;
    if (argc < 3)
        return fprintf(stderr, "usage: ask PICTURE QUESTION...\n"), 2;
    if (mlmamba_engine_open(&eng, NULL) != MLM_OK)
        return fail("model");
    int rc = 1;
    if (mlmamba_session_create(&ses, eng) != MLM_OK) {
        fail("session");
    } else {
        rc = talk(ses, argv[1], argv + 2);
        mlmamba_session_free(ses);
    }
    mlmamba_engine_close(eng);
    return rc;
}
