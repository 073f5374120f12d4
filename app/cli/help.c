/* help.c: the texts of --help: what a command does, its options, examples that can be pasted. */
#include "app/cli/cli.h"

#include <string.h>

static const char overview[] =
    "mlmamba looks at a picture and answers questions about it, on this machine.\n"
    "\n"
    "usage: mlmamba COMMAND [OPTION]... [ARGUMENT]...\n"
    "\n"
    "  ask PICTURE... QUESTION   one answer for each picture\n"
    "  describe PICTURE...       one description for each picture\n"
    "  chat [PICTURE]            a conversation about a picture\n"
    "  info                      the model, its parts, its limits, this machine\n"
    "  bench                     how fast each stage is here\n"
    "  tokenize TEXT             how the model splits a text\n"
    "  quantize MODEL            a copy of a model with int8 weights\n"
    "  complete TEXT             a language model goes on with a text\n"
    "  check [MODEL]             which files of a model are there, and what is missing\n"
    "  import MODEL              published files as one directory\n"
    "  vqa DATA... -o DIR        every question of a data set; goes on where it was interrupted\n"
    "  score RESULTS             official scores of a run or of another tool's answers; exchange files, "
    "reports\n"
    "  help COMMAND              options and examples of a command\n"
    "  --version\n"
    "\n"
    "example: mlmamba ask picture.png \"What is in the middle?\"\n"
    "\n"
    "The built-in model is small: it knows drawn objects, shapes, colours, counts, positions and\n"
    "short words, and is weak on photographs and on full lists of many things.  'mlmamba info'\n"
    "says more; --model takes another one.\n"
    "\n"
    "exit status: 0 ok; 1 failed; 2 usage; 3 some pictures failed; 130, 143 interrupted\n";

#define ENGINE_OPTIONS                                                                                       \
    "  -m, --model MODEL          directory, .pt checkpoint, or ORG/NAME in the Hugging Face cache\n"        \
    "                             (default: $MLMAMBA_MODEL, else the built-in one)\n"                        \
    "  -d, --device NAME          auto, cpu, ref, cuda, cuda:N (default auto)\n"                             \
    "  -t, --threads N            CPU threads (default: all that this process may use)\n"                    \
    "      --memory-limit MB      refuse a model that needs more\n"                                          \
    "      --bf16-state           keep states in bf16: a GPU decodes many rows faster\n"                     \
    "      --deterministic        on a GPU too, a row has the same bits alone and in any "                   \
    "batch\n"                                                                                                \
    "      --reference-rounding   round to bf16 as the released programs do, to compare with them\n"

#define QUIET_OPTION "  -q, --quiet                nothing on standard error but errors\n"

#define ANSWER_OPTIONS                                                                                       \
    "  -n, --max-tokens N         longest answer (default 256)\n"                                            \
    "      --temperature T        0: always the most likely token (default); above 0: draw\n"                \
    "      --top-k N, --top-p P, --min-p P   draw only from the likely tokens\n"                             \
    "      --repetition-penalty R above 1: repeat less\n"                                                    \
    "      --seed N               the same seed draws the same answer (default 0)\n"                         \
    "      --no-exif              do not turn the picture as its EXIF orientation says\n"                    \
    "      --fit NAME             model (default: as the model was trained), naive, crop, letterbox\n"       \
    "  -s, --stats                times and tokens on standard error\n" QUIET_OPTION

static const struct {
    const char *name, *text;
} pages[] = {
    {"ask",
     "usage: mlmamba ask [OPTION]... PICTURE... QUESTION\n"
     "       mlmamba ask --state FILE QUESTION\n"
     "\n"
     "Prints the answer alone on standard output; with several pictures, 'NAME: answer' a line each.\n"
     "PICTURE - is standard input.  The question is the last argument; put -- in front of one that\n"
     "begins with '-'.\n"
     "\n"
     "  -j, --json                 one JSON object a picture: answer, tokens, times, error\n"
     "      --task NAME            chat (default); vqa, true-false, box: add what the reference's\n"
     "                             evaluation adds to the question; caption: pictures only, no question\n"
     "      --state FILE           ask in a conversation saved by chat's /save; takes no "
     "picture\n" ENGINE_OPTIONS ANSWER_OPTIONS "\n"
     "examples:\n"
     "  mlmamba ask picture.png \"What is in the middle?\"\n"
     "  mlmamba ask *.jpg \"How many dogs can you see?\"\n"
     "  curl -s https://example.org/a.png | mlmamba ask - \"What colour is the ball?\"\n"
     "  mlmamba ask --json picture.png \"Is there a red star?\" | jq .answer\n"},
    {"describe", "usage: mlmamba describe [OPTION]... PICTURE...\n"
                 "\n"
                 "Asks for a description with the words that the model was trained on.\n"
                 "\n"
                 "  -j, --json                 one JSON object a picture\n" ENGINE_OPTIONS ANSWER_OPTIONS "\n"
                 "example: mlmamba describe picture.png\n"},
    {"chat",
     "usage: mlmamba chat [OPTION]... [PICTURE]\n"
     "\n"
     "A conversation, one question a line; the picture is looked at once.  Also reads from a pipe.\n"
     "Ctrl-C stops the answer that is being written; at the prompt it ends the program.\n"
     "\n"
     "  /image PATH   another picture, a new conversation    /undo    forget the last question\n"
     "  /retry        answer the last question otherwise     /stats   times of the last answer\n"
     "  /save FILE    keep the conversation                  /load FILE   go on with one\n"
     "  /help         this list                              /quit    end (so does end of file)\n"
     "\n"
     "When /image or /load fails, a terminal keeps the picture before; in a pipe everything is refused until "
     "one\n"
     "of them works, and the exit status is 3.\n"
     "\n"
     "      --state FILE           go on with a saved conversation\n" ENGINE_OPTIONS ANSWER_OPTIONS "\n"
     "examples:\n"
     "  mlmamba chat picture.png\n"
     "  printf 'What is in the middle?\\nWhat colour is it?\\n' | mlmamba chat picture.png\n"},
    {"info", "usage: mlmamba info [OPTION]...\n"
             "\n"
             "The model, its parts and sizes, what it can and cannot do, the device, picture formats.\n"
             "\n"
             "  -j, --json                 as one JSON object\n" ENGINE_OPTIONS QUIET_OPTION "\n"
             "example: mlmamba info --json\n"},
    {"bench",
     "usage: mlmamba bench [OPTION]...\n"
     "\n"
     "Times every part, every batch and what programs do (median of the runs), beside what the device can do "
     "at\n"
     "best: a plain read of memory and a large product, measured first.\n"
     "\n"
     "      --random SHAPE         weights are made up: SHAPE is a published one (ml-mamba-2.7b, cobra-3b,\n"
     "                             mamba2-130m ... mamba2-2.7b, mamba-130m ... mamba-2.8b), a config.json or "
     "its folder\n"
     "      --type NAME            of these weights: bf16 (default), int8, f32\n"
     "      --state NAME           states in f32 (default) or bf16 (a GPU only)\n"
     "  -b, --batch N,...          rows decoded together (default 1,8; on a GPU 1,8,64,256 as they fit)\n"
     "      --prefill LIST         tokens, or ROWSxTOKENS: 769,16x769,8192\n"
     "      --only LINE,...        towers, prefill, step, fork, first_token, token, answer, snapshot, "
     "decode,\n"
     "                             short_answers: only these\n"
     "  -i, --image FILE           picture (default: one made by the program, 1024 x 1024)\n"
     "      --tokens N             tokens to decode in each run (default 64)\n"
     "  -r, --runs N               (default 5)\n"
     "      --csv FILE             the table for programs\n"
     "  -j, --json                 one JSON object instead of the table\n" ENGINE_OPTIONS QUIET_OPTION "\n"
     "example: mlmamba bench --threads 2 --runs 9\n"
     "         mlmamba bench --device cuda --random ml-mamba-2.7b --type int8 --csv table.csv\n"},
    {"vqa",
     "usage: mlmamba vqa DATA... --output DIR [OPTION]...\n"
     "       mlmamba vqa merge DIR [--allow-missing]\n"
     "\n"
     "Asks every question of a data set and writes DIR/results.jsonl, a line a row.  The same command goes "
     "on where\n"
     "it was interrupted, killed or ran out of disk.  DATA: files of VQAv2, GQA, VizWiz, TextVQA, POPE, VSR, "
     "TallyQA,\n"
     "AI2D, RefCOCO and OCID-Ref (JSON), vlm-evaluation's index, LLaVA questions, VLMEvalKit TSV, OpenAI "
     "batches,\n"
     "JSONL, CSV, TSV, a folder of pictures, or - for standard input.  vqa merge puts shards together.\n"
     "\n"
     "  -o, --output DIR           run directory; - writes the lines to standard output, in row order\n"
     "      --images DIR           where the pictures are (default: beside DATA)\n"
     "  -f, --format NAME          vqav2, gqa, vizwiz, textvqa, pope, vsr, tallyqa, ai2d, refcoco, ocid-ref, "
     "vlm-eval,\n"
     "                             llava, vlmevalkit, openai, jsonl, csv, tsv, folder (default: by the "
     "content)\n"
     "      --annotations FILE     of VQAv2              --ocr FILE   TextVQA: LLaVA's questions with OCR "
     "tokens\n"
     "      --task NAME            chat, caption, vqa, vizwiz, yes-no, true-false, choice, count, box: what "
     "is added\n"
     "                             to the question (default: as the format's official evaluation)\n"
     "      --prompt TEXT          that instead: {question}, {choices}, {hint}, {id}; {{ and }} are braces\n"
     "      --question TEXT        asked of rows without a question (folders)\n"
     "      --col-id, --col-image, --col-question, --col-answer, --col-split NAME   columns of JSONL, CSV, "
     "TSV\n"
     "      --recursive            folders below the folder too\n"
     "      --filter KEY=VALUE     only such rows; may come several times\n"
     "      --sample N             that many rows, drawn with --seed        --limit N   the first N\n"
     "      --shard I/N            part I (from 0) of N; without it as Slurm or MPI say, when they started "
     "this\n"
     "      --dry-run              check every row, id and picture; no model is loaded\n"
     "      --retry-errors         ask rows that failed again     --max-errors N   stop after N failed rows\n"
     "      --force                go on although model, options or data changed\n"
     "  -b, --batch N              rows decoded together (default 16); never changes an answer\n"
     "      --workers N            threads that decode pictures (default 2)   --window N   rows looked "
     "through for\n"
     "                             the same picture (default 1024)\n"
     "      --progress KIND        auto, line, plain, json, none\n"
     "      --logprob              the log probability of each answer\n"
     "  -n, --max-tokens N         longest answer (default 128)\n"
     "      --no-exif, --exif      EXIF orientation: off for official formats (as the reference), on for "
     "others\n"
     "      --temperature, --top-k, --top-p, --min-p, --repetition-penalty, --seed, --fit   as for "
     "ask\n" ENGINE_OPTIONS QUIET_OPTION "\n"
     "examples:\n"
     "  mlmamba vqa v2_OpenEnded_mscoco_val2014_questions.json --annotations "
     "v2_mscoco_val2014_annotations.json \\\n"
     "      --images coco/val2014 -o runs/vqav2\n"
     "  mlmamba vqa photos/ --question \"Is there a dog?\" -o runs/dogs\n"
     "  mpirun -n 4 mlmamba vqa questions.jsonl -o runs/q && mlmamba vqa merge runs/q\n"},
    {"score",
     "usage: mlmamba score RESULTS [OPTION]...\n"
     "\n"
     "Scores answers without a model.  RESULTS is a run directory or results.jsonl of 'mlmamba vqa', "
     "LLaVA's\n"
     "answers (JSONL), a JSON list for EvalAI, VizWiz, GQA or TextVQA, results+rank-N.json of "
     "vlm-evaluation\n"
     "(or a directory of them), a VLMEvalKit table with a column 'prediction', or OpenAI batch replies.\n"
     "Every number comes with the name of its variant and a 95 % interval (bootstrap over pictures).\n"
     "\n"
     "      --data FILE            the data set with the right answers; may come several times.  Our own "
     "results\n"
     "                             repeat them and need none\n"
     "      --annotations FILE     VQAv2: the annotations that belong to --data\n"
     "      --data-format NAME     vqav2, gqa, vizwiz, textvqa, pope, vsr, tallyqa, ai2d, refcoco, "
     "ocid-ref,\n"
     "                             vlm-eval, llava, vlmevalkit, jsonl, csv, tsv (default: by its content)\n"
     "      --images DIR           where the pictures are (reports)\n"
     "      --task NAME            vqav2, gqa, vizwiz, textvqa, pope, vsr, tallyqa, choice, refcoco, "
     "ocid-ref,\n"
     "                             generic (default: by the data)\n"
     "      --vqa-norm NAME        VQA and GQA accuracy as vlm-eval (default), official, official-old,\n"
     "                             repository, llava (GQA) computes it, or all\n"
     "      --by TAG               one more breakdown, by a tag of the rows\n"
     "      --against RESULTS      compare with a second run: paired tests and the rows that changed\n"
     "      --flips N              list at most N of them (default: 20 in a table, else all)\n"
     "      --partial              score what is there; without it missing, doubled and error rows are "
     "refused\n"
     "      --format NAME          table (default), json, md, csv\n"
     "  -o, --output FILE          there instead of standard output; the file appears whole or not at all\n"
     "      --report FILE.html     a report in one file, with pictures and filters, without scripts;\n"
     "                             also of answers to questions whose right answers nobody gave\n"
     "      --rows N               rows in it (default 2000); error rows come all the same\n"
     "      --export KIND          write the answers for another tool instead: evalai, textvqa, vizwiz, "
     "gqa,\n"
     "                             llava, vlm-eval, vlmevalkit, openai, coco, csv\n"
     "                             (vlm-eval of TextVQA: --against is the run without or with OCR tokens)\n"
     "      --model-id NAME        the model's name in exported files\n"
     "      --bootstrap N          draws (default 1000)       --no-intervals   none\n"
     "      --seed N               of the draws (default 0)\n" QUIET_OPTION "\n"
     "examples:\n"
     "  mlmamba score run/ --report run/report.html\n"
     "  mlmamba score answers.jsonl --data coco_pope_random.json --task pope --format md\n"
     "  mlmamba score run-b/ --against run-a/\n"
     "  mlmamba score run/ --export evalai -o vqa_OpenEnded_mscoco_test2015_results.json\n"},
    {"help", "usage: mlmamba help [COMMAND]\n"
             "\n"
             "Options and examples of a command; without one, the overview.\n"
             "\n"
             "example: mlmamba help ask\n"},
    {"tokenize", "usage: mlmamba tokenize [OPTION]... TEXT\n"
                 "\n"
                 "One token a line: its id, a tab, its text.  TEXT - is standard input.\n"
                 "\n"
                 "  -j, --json                 one JSON object with ids and texts\n"
                 "  -m, --model DIR            model directory\n"
                 "\n"
                 "example: mlmamba tokenize \"two red circles\"\n"},
    {"complete",
     "usage: mlmamba complete [OPTION]... --model MODEL TEXT\n"
     "\n"
     "Goes on with a text, without a picture.  TEXT - is standard input.  A language model alone gets the "
     "text\n"
     "as it is; a model with pictures gets its chat template round it.\n"
     "\n"
     "  -j, --json                 one JSON object: completion, tokens, times\n"
     "      --raw                  no template, and special tokens in the text count\n" ENGINE_OPTIONS
     "  -n, --max-tokens N         longest completion (default 256)\n"
     "      --temperature T, --top-k N, --top-p P, --min-p P, --repetition-penalty R, --seed N   as for ask\n"
     "  -s, --stats                times and tokens on standard error\n" QUIET_OPTION "\n"
     "MODEL may be a directory of Mamba or Mamba-2 files as published, or ORG/NAME in the Hugging Face "
     "cache.\n"
     "\n"
     "example: mlmamba complete --model state-spaces/mamba2-130m \"The capital of France is\"\n"},
    {"check",
     "usage: mlmamba check [OPTION]... [MODEL]\n"
     "\n"
     "Lists every part of a model: the file found, its size and types, or the exact name of what is missing\n"
     "and where it is to be had; then every tensor that is missing, has another shape than the "
     "configuration\n"
     "wants, or has no place in it.  Reads headers only.  Exit status 0: complete, 1: not.\n"
     "\n"
     "MODEL is a directory of ours; the run directory of ML-Mamba or Cobra, or its latest-checkpoint.pt; a\n"
     "directory of Mamba or Mamba-2 files; or ORG/NAME in the Hugging Face cache ($HF_HUB_CACHE, $HF_HOME,\n"
     "~/.cache/huggingface/hub).  Towers and tokenizer that are not beside the model are taken from there "
     "too.\n"
     "\n"
     "  -j, --json                 as one JSON object\n"
     "      --hash                 SHA-256 of every file, as the hub names them, and the sums inside\n"
     "                             PyTorch checkpoints; reads all of them\n" QUIET_OPTION "\n"
     "example: mlmamba check ~/models/mlmamba-3b\n"},
    {"import",
     "usage: mlmamba import [OPTION]... MODEL --output DIR\n"
     "\n"
     "Writes one directory that needs nothing else, from what 'mlmamba check MODEL' finds: position tables\n"
     "resampled, unused tensors left out, verified by reading back.  Interrupted, it goes on where it was.\n"
     "\n"
     "  -o, --output DIR           the directory to write\n"
     "      --dtype NAME           keep (default: same answers, bit for bit), bf16 (half the size), "
     "fp32\n" QUIET_OPTION "\n"
     "example: mlmamba import ~/models/mlmamba-3b --output ~/models/mlmamba-3b-bf16 --dtype bf16\n"},
    {"quantize",
     "usage: mlmamba quantize [OPTION]... MODEL --output DIR\n"
     "\n"
     "Writes a copy of a model directory with int8 weights (one scale a row): about half the size of bf16,\n"
     "and about half the time for each token.  DIR appears whole and verified, or not at all.\n"
     "\n"
     "  -o, --output DIR           the new directory\n"
     "      --type NAME            int8 (default)\n" QUIET_OPTION "\n"
     "example: mlmamba quantize models/mlmamba-3b --output models/mlmamba-3b-int8\n"},
};

bool help_print(const char *command)
{
    if (command == NULL) {
        out_text(overview);
        return true;
    }
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(pages[i].name, command) == 0) {
            out_text(pages[i].text);
            return true;
        }
    }
    return false;
}
