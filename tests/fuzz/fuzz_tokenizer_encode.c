/* fuzz_tokenizer_encode.c: any bytes as text, on both tokenizers of the tests: encodes in both modes; what a user
 * types gives no special token; decoding gives the text back (up to U+FFFD; without NFC). */
#include "lm/prompt.h"
#include "lm/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[2] = {MLM_SOURCE_DIR "/assets/models/mlmamba-tiny/tokenizer.json",
                                     MLM_SOURCE_DIR "/tests/golden/data/gpt-neox-20b/tokenizer.json"};

static void need(bool ok)
{
    if (!ok)
        abort();
}

static void check_user(const tokenizer *t, const char *text, size_t n)
{
    token_list       l = {0};
    tokenizer_stream s = {0};
    char             piece[TOKENIZER_PIECE_BYTES];
    char            *whole = malloc(3 * n + 1);
    need(whole && tokenizer_encode(t, &l, text, n, TOKENIZER_USER) == MLM_OK);
    size_t n_whole = tokenizer_utf8_replace(whole, text, n), at = 0;
    for (size_t i = 0; i < l.count; i++) {
        need(!tokenizer_is_special(t, l.ids[i]));
        size_t k = tokenizer_stream_put(t, &s, l.ids[i], piece, sizeof piece);
        need(tokenizer_utf8_valid(piece, k));
        if (!t->nfc)
            need(at + k <= n_whole && memcmp(whole + at, piece, k) == 0);
        at += k;
    }
    need(s.n_held == 0 && (t->nfc || at == n_whole));
    token_list_free(&l);
    free(whole);
}

static void check_prompt(const tokenizer *t, const char *text, size_t n)
{
    prompt_template p;
    token_list      l         = {0};
    size_t          n_special = 0, wanted = 0;
    char           *question = malloc(n + 1);
    need(question && prompt_template_named(&p, "zephyr") == MLM_OK);
    memcpy(question, text, n);
    question[n] = '\0';
    if (prompt_encode_turn(&p, t, &l, question, false) == MLM_OK) {
        static const char *const texts[] = {"<|user|>", "<|endoftext|>", "<|assistant|>"};
        for (int i = 0; i < 3; i++)
            wanted += tokenizer_is_special(t, tokenizer_token_id(t, texts[i]));
        for (size_t i = 0; i < l.count; i++)
            n_special += tokenizer_is_special(t, l.ids[i]);
        need(n_special == wanted);
    }
    token_list_free(&l);
    free(question);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tokenizer *loaded[2]; /* once for all inputs */
    for (int i = 0; i < 2; i++) {
        token_list l = {0};
        if (!loaded[i])
            need(tokenizer_load(&loaded[i], paths[i]) == MLM_OK);
        if (size == 0)
            continue;
        check_user(loaded[i], (const char *)data, size);
        check_prompt(loaded[i], (const char *)data, size);
        need(tokenizer_encode(loaded[i], &l, (const char *)data, size, TOKENIZER_TEMPLATE) == MLM_OK);
        token_list_free(&l);
    }
    return 0;
}
