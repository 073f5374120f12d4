# bash completion for mlmamba
_mlmamba_words()
{
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# compgen's -f or -d; names are kept whole whatever is in them but a newline
_mlmamba_files()
{
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
    compopt -o filenames 2>/dev/null
}

_mlmamba()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]}
    local engine='--model --device --threads --memory-limit --bf16-state --deterministic --reference-rounding --quiet --help'
    local answer='--max-tokens --temperature --top-k --top-p --min-p --repetition-penalty --seed --no-exif --fit --stats'
    local commands='ask describe chat info bench tokenize vqa score quantize complete check import help'
    local formats='auto vqav2 gqa vizwiz textvqa pope vsr tallyqa ai2d refcoco ocid-ref vlm-eval llava vlmevalkit openai jsonl csv tsv folder'
    if [ "$COMP_CWORD" -eq 1 ]; then
        _mlmamba_words "$commands --help --version" "$cur"
        return
    fi
    case $prev in
        --model | -m) _mlmamba_files -d "$cur"; return ;;
        --format | -f) [ "$cmd" = vqa ] && { _mlmamba_words "$formats" "$cur"; return; }
            [ "$cmd" = score ] && { _mlmamba_words 'table json md csv' "$cur"; return; } ;;
        --output | -o) [ "$cmd" = score ] && { _mlmamba_files -f "$cur"; return; }
            _mlmamba_files -d "$cur"; return ;;
        --dtype) _mlmamba_words 'keep bf16 fp32' "$cur"; return ;;
        --device | -d) _mlmamba_words 'auto cpu ref cuda' "$cur"; return ;;
        --fit) _mlmamba_words 'model naive crop letterbox' "$cur"; return ;;
        --task)
            [ "$cmd" = score ] && { _mlmamba_words 'auto vqav2 gqa vizwiz textvqa pope vsr tallyqa choice refcoco ocid-ref generic' "$cur"; return; }
            [ "$cmd" = vqa ] && { _mlmamba_words 'auto chat caption vqa vizwiz yes-no true-false choice count box' "$cur"; return; }
            _mlmamba_words 'chat caption vqa true-false box' "$cur"; return ;;
        --progress) _mlmamba_words 'auto line plain json none' "$cur"; return ;;
        --state | --image | -i) _mlmamba_files -f "$cur"; return ;;
        --data | --annotations | --against | --report | --ocr) _mlmamba_files -f "$cur"; return ;;
        --images) _mlmamba_files -d "$cur"; return ;;
        --vqa-norm) _mlmamba_words 'vlm-eval official official-old repository llava all' "$cur"; return ;;
        --export) _mlmamba_words 'evalai textvqa vizwiz gqa llava vlm-eval vlmevalkit openai coco csv' "$cur"; return ;;
        help) _mlmamba_words "$commands" "$cur"; return ;;
    esac
    if [[ $cur == -* ]]; then
        case $cmd in
            ask) _mlmamba_words "$engine $answer --json --task --state" "$cur" ;;
            describe) _mlmamba_words "$engine $answer --json" "$cur" ;;
            chat) _mlmamba_words "$engine $answer --state" "$cur" ;;
            info) _mlmamba_words "$engine --json" "$cur" ;;
            bench) _mlmamba_words "$engine --random --type --state --batch --prefill --only --image --tokens --runs --json --csv" "$cur" ;;
            complete) _mlmamba_words "$engine --max-tokens --temperature --top-k --top-p --min-p --repetition-penalty --seed --stats --json --raw" "$cur" ;;
            check) _mlmamba_words '--json --hash --quiet --help' "$cur" ;;
            import) _mlmamba_words '--output --dtype --quiet --help' "$cur" ;;
            score) _mlmamba_words '--data --annotations --data-format --images --task --vqa-norm --by --against --flips --partial --format --output --report --rows --export --model-id --bootstrap --no-intervals --seed --quiet --help' "$cur" ;;
            vqa) _mlmamba_words "$engine --output --images --format --annotations --ocr --task --prompt --question --col-id --col-image --col-question --col-answer --col-split --recursive --filter --sample --limit --shard --dry-run --retry-errors --max-errors --force --batch --workers --window --progress --logprob --exif --no-exif --max-tokens --temperature --top-k --top-p --min-p --repetition-penalty --seed --fit --allow-missing" "$cur" ;;
            quantize) _mlmamba_words '--output --type --quiet --help' "$cur" ;;
            tokenize) _mlmamba_words '--model --json --quiet --help' "$cur" ;;
        esac
        return
    fi
    if [ "$cmd" = vqa ] && [ "$COMP_CWORD" -eq 2 ] && [[ merge == "$cur"* ]] && [ -n "$cur" ]; then
        _mlmamba_words merge "$cur"
        return
    fi
    _mlmamba_files -f "$cur"
}
complete -F _mlmamba mlmamba
