/* cmd_info.c: mlmamba info: what is loaded, what it can do, and on what it runs. */
#include "app/cli/cli.h"
#include "lm/tokenizer.h"
#include "vision/image.h"

#define MEGABYTE 1048576.0

static void print_formats(bool json)
{
    const char *between = "";
    for (int f = VISION_FORMAT_JPEG; f < VISION_FORMAT_COUNT; f++) {
        if (!vision_format_supported((vision_format)f))
            continue;
        out_printf(json ? "%s\"%s\"" : "%s%s", between, vision_format_name((vision_format)f));
        between = json ? ", " : " ";
    }
}

static void print_field(const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    out_printf("%-15s ", name);
    out_escaped(text, false);
    out_text("\n");
}

static void print_text(const mlmamba_engine_info *i)
{
    const mlmamba_memory *m = &i->memory;
    out_printf("mlmamba %s\n", mlmamba_version());
    print_field("model", i->model_name);
    print_field("directory", i->model_dir);
    print_field("about", i->description);
    out_printf("%-15s %.2f million, %s weights, fingerprint %016llx\n", "parameters",
               (double)i->n_parameters / 1e6, i->weights_dtype, (unsigned long long)i->fingerprint);
    print_field("vision", i->vision);
    print_field("connector", i->connector);
    print_field("language model", i->language_model);
    out_printf("%-15s %.1f MB weights, %.1f MB activations, up to %.1f MB a conversation, %.1f MB a "
               "snapshot, %.1f MB for batches\n",
               "memory", (double)m->weights_bytes / MEGABYTE, (double)m->scratch_bytes / MEGABYTE,
               (double)m->session_bytes / MEGABYTE, (double)m->snapshot_bytes / MEGABYTE,
               (double)m->batch_bytes / MEGABYTE);
    print_field("device", i->device_description);
    print_field("features", i->device_features);
    print_field("note", i->device_note);
    out_printf("%-15s ", "pictures");
    print_formats(false);
    out_printf("\n%-15s picture file %zu MB, %d a side, %lld Mpixel, %d JPEG scans; question %zu MB\n",
               "limits", VISION_MAX_FILE_BYTES >> 20, VISION_MAX_SIDE, (long long)(VISION_MAX_PIXELS >> 20),
               VISION_MAX_SCANS, (size_t)TOKENIZER_MAX_TEXT >> 20);
    out_printf("%-15s %.0f ms\n", "loaded in", i->load_ms);
}

static void print_json(const mlmamba_engine_info *i)
{
    const mlmamba_memory *m = &i->memory;
    out_text("{");
    json_text("version", mlmamba_version(), true);
    json_text("model", i->model_name, false);
    json_file_name("model_dir", i->model_dir, false);
    json_text("description", i->description, false);
    out_printf(", \"parameters\": %lld", (long long)i->n_parameters);
    json_text("weights", i->weights_dtype, false);
    out_printf(", \"fingerprint\": \"%016llx\"", (unsigned long long)i->fingerprint);
    json_text("vision", i->vision, false);
    json_text("connector", i->connector, false);
    json_text("language_model", i->language_model, false);
    out_printf(
        ", \"image_size\": %d, \"image_tokens\": %d, \"layers\": %d, \"width\": %d, \"vocabulary\": %d",
        i->image_size, i->n_image_tokens, i->n_layers, i->d_model, i->vocab_size);
    out_printf(", \"memory\": {\"weights\": %zu, \"scratch\": %zu, \"session\": %zu, \"snapshot\": %zu, "
               "\"batch\": %zu}",
               m->weights_bytes, m->scratch_bytes, m->session_bytes, m->snapshot_bytes, m->batch_bytes);
    json_text("device", i->device, false);
    json_text("device_description", i->device_description, false);
    json_text("device_features", i->device_features, false);
    json_text("device_note", i->device_note, false);
    out_printf(", \"threads\": %d, \"formats\": [", i->n_threads);
    print_formats(true);
    out_printf("], \"limits\": {\"file_bytes\": %zu, \"side\": %d, \"pixels\": %lld, \"jpeg_scans\": %d, "
               "\"question_bytes\": %zu}, \"load_ms\": %.3f}\n",
               VISION_MAX_FILE_BYTES, VISION_MAX_SIDE, (long long)VISION_MAX_PIXELS, VISION_MAX_SCANS,
               (size_t)TOKENIZER_MAX_TEXT, i->load_ms);
}

int cmd_info(cli_options *o)
{
    mlmamba_engine     *eng = NULL;
    mlmamba_engine_info info;
    if (o->n_args > 0)
        return args_usage_error(o, "mlmamba info --model DIR", "no argument is wanted, but there is '%s'",
                                o->args[0]);
    int rc = cli_open_engine(&eng, o);
    if (rc != CLI_OK)
        return rc;
    mlmamba_engine_get_info(eng, &info);
    if (o->json)
        print_json(&info);
    else
        print_text(&info);
    mlmamba_engine_close(eng);
    return CLI_OK;
}
