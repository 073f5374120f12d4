/* batch_export.c: the results of a batch for other programs. */
#include "app/desktop/batch_export.h"

#include <stdlib.h>
#include <string.h>

#include "app/desktop/app_dirs.h"
#include "app/desktop/text_buffer.h"
#include "app/vqa/vqa_result.h"
#include "kernels/base/mlm_file_write.h"

static void add_cell(text_buffer *b, const char *text, const char *behind)
{
    text = text != NULL ? text : "";
    text_add(b, text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL ? "\"'" : "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"')
            text_add(b, "\"");
        text_add_bytes(b, text, 1);
    }
    text_add(b, "\"");
    text_add(b, behind);
}

static void add_csv_row(text_buffer *b, const vqa_result *r)
{
    add_cell(b, r->item.id, ",");
    add_cell(b, r->item.image, ",");
    add_cell(b, r->item.question, ",");
    add_cell(b, r->answer, ",");
    add_cell(b, r->error_code != NULL ? r->error_message : "", "\r\n");
}

static void add_jsonl_row(text_buffer *b, const vqa_result *r)
{
    text_add(b, "{\"id\": ");
    text_add_json(b, r->item.id);
    text_add(b, ", \"image\": ");
    text_add_json(b, r->item.image);
    text_add(b, ", \"question\": ");
    text_add_json(b, r->item.question);
    text_add(b, ", \"answer\": ");
    text_add_json(b, r->answer);
    text_add(b, ", \"error\": ");
    text_add_json(b, r->error_code != NULL ? r->error_message : NULL);
    text_add(b, "}\n");
}

mlm_status batch_export_file(const char *path, const char *results, ui_batch_format format)
{
    vqa_result_list list = {0};
    text_buffer     b    = {0};
    char           *text = NULL, *full = NULL;
    MLM_TRY(vqa_result_list_load(&list, results));
    if (format == UI_BATCH_CSV)
        text_add(&b, "\"id\",\"image\",\"question\",\"answer\",\"error\"\r\n");
    for (int64_t i = 0; i < list.n; i++) {
        if (format == UI_BATCH_CSV)
            add_csv_row(&b, list.rows[i]);
        else
            add_jsonl_row(&b, list.rows[i]);
    }
    vqa_result_list_free(&list);
    size_t     n      = b.n;
    mlm_status status = text_take(&b, &text);
    if (status == MLM_OK)
        status = file_expand_home(&full, path);
    if (status == MLM_OK)
        status = mlm_file_write(full, text, n, 0600, "results");
    free(full);
    free(text);
    return status;
}
