# bash completion of ecr-cname
_ecr_cname() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local words='' paths=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words='pull push repos tags cache serve login token dockercfg map resolve setup doctor get store erase list cert credential-provider completion version --help --version'
  else
    case "${COMP_WORDS[1]} $before" in
    'pull --output') paths=1 ;;
    'pull --format') words='docker oci oci-archive' ;;
    'pull --platform') : ;;
    'push --tag') : ;;
    'push --platform') : ;;
    'push --mount-from') : ;;
    'repos --limit') : ;;
    'tags --limit') : ;;
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
    'login --tool') words='docker podman nerdctl buildah skopeo oras helm' ;;
    'login --account') : ;;
    'login --region') : ;;
    'login --profile') : ;;
    'login --role-arn') : ;;
    'token --profile') : ;;
    'token --role-arn') : ;;
    'dockercfg --host') : ;;
    'dockercfg --format') words='docker secret dcos' ;;
    'dockercfg --name') : ;;
    'dockercfg --namespace') : ;;
    'dockercfg --mode') : ;;
    'dockercfg --profile') : ;;
    'dockercfg --role-arn') : ;;
    'map --profile') : ;;
    'map --role-arn') : ;;
    'map --connect') : ;;
    'setup --root') paths=1 ;;
    'setup --marathon') paths=1 ;;
    'setup --image') : ;;
    'doctor --bundle') paths=1 ;;
    'doctor --root') paths=1 ;;
    'cert --zone') : ;;
    'cert --dir') paths=1 ;;
    'cert --for') words='docker podman containerd system' ;;
    'cert --root') paths=1 ;;
    *)
      case "${COMP_WORDS[1]}" in
      pull) if [[ $word == -* ]]; then words='--output --format --platform --all-platforms --no-cache --quiet --json --help'; else :; fi ;;
      push) if [[ $word == -* ]]; then words='--tag --platform --mount-from --quiet --json --help'; else paths=1; fi ;;
      repos) if [[ $word == -* ]]; then words='--limit --json --help'; else :; fi ;;
      tags) if [[ $word == -* ]]; then words='--limit --json --help'; else :; fi ;;
      cache) if [[ $word == -* ]]; then words='--json --help'; elif ((COMP_CWORD == 2)); then words='show clear'; else :; fi ;;
      serve) if [[ $word == -* ]]; then words='--listen --registry --tls-cert --tls-key --tls-auto --auth --clients --client-ca --blobs --read-only --admin --cloudwatch --workers --max-connections --max-connections-per-client --max-header --max-url --idle --log-format --drain --help'; else :; fi ;;
      login) if [[ $word == -* ]]; then words='--tool --account --region --profile --role-arn --help'; else :; fi ;;
      token) if [[ $word == -* ]]; then words='--json --header --profile --role-arn --help'; else :; fi ;;
      dockercfg) if [[ $word == -* ]]; then words='--host --format --name --namespace --mode --watch --profile --role-arn --help'; else paths=1; fi ;;
      map) if [[ $word == -* ]]; then words='--profile --role-arn --connect --system --yes --json --help'; elif ((COMP_CWORD == 2)); then words='add list rm import'; else paths=1; fi ;;
      resolve) if [[ $word == -* ]]; then words='--aws --json --help'; else :; fi ;;
      setup) if [[ $word == -* ]]; then words='--undo --yes --dry-run --root --pod-roles --marathon --image --help'; elif ((COMP_CWORD == 2)); then words='docker podman containerd buildkit kubelet dcos'; else :; fi ;;
      doctor) if [[ $word == -* ]]; then words='--fix --yes --offline --json --bundle --root --help'; else :; fi ;;
      get) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      store) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      erase) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      list) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      cert) if [[ $word == -* ]]; then words='--zone --dir --renew --install --uninstall --for --root --yes --json --help'; else :; fi ;;
      credential-provider) if [[ $word == -* ]]; then words='--help'; else :; fi ;;
      completion) if [[ $word == -* ]]; then words='--help'; elif ((COMP_CWORD == 2)); then words='bash zsh fish powershell'; else :; fi ;;
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
