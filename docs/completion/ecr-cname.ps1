# PowerShell completion of ecr-cname
Register-ArgumentCompleter -Native -CommandName ecr-cname -ScriptBlock {
  param($word, $ast, $position)
  $commands = @{
    'pull' = @('--output', '--format', '--platform', '--all-platforms', '--no-cache', '--quiet', '--json', '--help')
    'push' = @('--tag', '--platform', '--mount-from', '--quiet', '--json', '--help')
    'repos' = @('--limit', '--json', '--help')
    'tags' = @('--limit', '--json', '--help')
    'cache' = @('show', 'clear', '--json', '--help')
    'serve' = @('--listen', '--registry', '--tls-cert', '--tls-key', '--tls-auto', '--auth', '--clients', '--client-ca', '--blobs', '--read-only', '--admin', '--cloudwatch', '--workers', '--max-connections', '--max-connections-per-client', '--max-header', '--max-url', '--idle', '--log-format', '--drain', '--help')
    'login' = @('--tool', '--account', '--region', '--profile', '--role-arn', '--help')
    'token' = @('--json', '--header', '--profile', '--role-arn', '--help')
    'dockercfg' = @('--host', '--format', '--name', '--namespace', '--mode', '--watch', '--profile', '--role-arn', '--help')
    'map' = @('add', 'list', 'rm', 'import', '--profile', '--role-arn', '--connect', '--system', '--yes', '--json', '--help')
    'resolve' = @('--aws', '--json', '--help')
    'setup' = @('docker', 'podman', 'containerd', 'buildkit', 'kubelet', 'dcos', '--undo', '--yes', '--dry-run', '--root', '--help')
    'doctor' = @('--fix', '--yes', '--offline', '--json', '--bundle', '--root', '--help')
    'get' = @('--help')
    'store' = @('--help')
    'erase' = @('--help')
    'list' = @('--help')
    'cert' = @('--zone', '--dir', '--renew', '--install', '--uninstall', '--for', '--root', '--yes', '--json', '--help')
    'credential-provider' = @('--help')
    'completion' = @('bash', 'zsh', 'fish', 'powershell', '--help')
    'version' = @('--help')
  }
  $values = @{
    'pull --format' = @('docker', 'oci', 'oci-archive')
    'serve --auth' = @('passthrough', 'inject')
    'serve --blobs' = @('redirect', 'stream')
    'serve --log-format' = @('json', 'pretty')
    'login --tool' = @('docker', 'podman', 'nerdctl', 'buildah', 'skopeo', 'oras', 'helm')
    'dockercfg --format' = @('docker', 'secret', 'dcos')
    'cert --for' = @('docker', 'podman', 'containerd', 'system')
  }
  $given = @($ast.CommandElements | ForEach-Object { $_.ToString() })
  if ($word -ne '' -and $given.Count -gt 1) { $given = @($given[0..($given.Count - 2)]) }
  if ($given.Count -le 1) { $found = @($commands.Keys | Sort-Object) + '--help' + '--version' }
  else {
    $key = $given[1] + ' ' + $given[-1]
    if ($values.ContainsKey($key)) { $found = $values[$key] }
    else { $found = $commands[$given[1]] }
  }
  $found | Where-Object { $_ -like "$word*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
