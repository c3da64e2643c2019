# bash completion of ecr-cname
_ecr_cname() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local words='' paths=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words='serve get store erase list cert credential-provider completion version --help --version'
  else
    case "${COMP_WORDS[1]} $before" in
    'serve --listen') : ;;
    'serve --registry') : ;;
    'serve --tls-cert') paths=1 ;;
    'serve --tls-key') paths=1 ;;
    'serve --auth') words='passthrough inject' ;;
    'serve --clients') paths=1 ;;
    'serve --client-ca') paths=1 ;;
    'serve --blobs') words='redirect stream' ;;
    'serve --admin') : ;;
    'serve --cloudwatch') : ;;
    'serve --workers') : ;;
    'serve --max-connections') : ;;
    'serve --max-connections-per-client') : ;;
    'serve --max-header') : ;;
    'serve --max-url') : ;;
    'serve --idle') : ;;
    'serve --log-format') words='json pretty' ;;
    'serve --drain') : ;;
    'cert --zone') : ;;
    'cert --dir') paths=1 ;;
    'cert --for') words='docker podman containerd system' ;;
    'cert --root') paths=1 ;;
    *)
      case "${COMP_WORDS[1]}" in
      serve) if [[ $word == -* ]]; then words='--listen --registry --tls-cert --tls-key --auth --clients --client-ca --blobs --read-only --admin --cloudwatch --workers --max-connections --max-connections-per-client --max-header --max-url --idle --log-format --drain --help'; else :; fi ;;
      get) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      store) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      erase) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      list) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      cert) if [[ $word == -* ]]; then words='--zone --dir --renew --install --uninstall --for --root --yes --json --help'; else :; fi ;;
      credential-provider) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      completion) if [[ $word == -* ]]; then words='--help'; else ((COMP_CWORD == 2)) && words='bash zsh fish powershell'; fi ;;
      version) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      esac
      ;;
    esac
  fi
  if [ -n "$words" ]; then mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word"); fi
  if [ -n "$paths" ]; then
    compopt -o filenames 2>/dev/null
    local path
    while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen -f -- "$word")
  fi
}
complete -F _ecr_cname ecr-cname
