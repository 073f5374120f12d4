# bash completion for mlmamba
_mlmamba()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]}
    local engine='--model --device --threads --memory-limit --quiet --help'
    local answer='--max-tokens --temperature --top-k --top-p --min-p --repetition-penalty --seed --no-exif --stats'
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W 'ask describe chat info bench tokenize help --help --version' -- "$cur"))
        return
    fi
    case $prev in
        --model | -m) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --device | -d) COMPREPLY=($(compgen -W 'auto cpu ref cuda' -- "$cur")); return ;;
        --state | --image | -i) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        help) COMPREPLY=($(compgen -W 'ask describe chat info bench tokenize' -- "$cur")); return ;;
    esac
    if [[ $cur == -* ]]; then
        case $cmd in
            ask) COMPREPLY=($(compgen -W "$engine $answer --json --state" -- "$cur")) ;;
            describe) COMPREPLY=($(compgen -W "$engine $answer --json" -- "$cur")) ;;
            chat) COMPREPLY=($(compgen -W "$engine $answer --state" -- "$cur")) ;;
            info) COMPREPLY=($(compgen -W "$engine --json" -- "$cur")) ;;
            bench) COMPREPLY=($(compgen -W "$engine --image --tokens --runs --json --csv" -- "$cur")) ;;
            tokenize) COMPREPLY=($(compgen -W '--model --json --help' -- "$cur")) ;;
        esac
        return
    fi
    COMPREPLY=($(compgen -f -- "$cur"))
    compopt -o filenames
}
complete -F _mlmamba mlmamba
