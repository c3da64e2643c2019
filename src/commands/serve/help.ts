/** What `serve --help` says; apart from the command, whose code the help need not load. */

import type { Command } from '../command.ts'

export const serveHelp = {
  name: 'serve',
  group: 'Sidecar',
  summary: 'Serve a name of your own over TLS and speak to ECR under its own',
  options: [
    {
      name: 'listen',
      value: 'ADDR:PORT',
      multiple: true,
      summary: 'where to listen; repeatable (PORT: the port alone; 127.0.0.1:5000)',
    },
    {
      name: 'registry',
      value: 'HOST=ECR_HOST',
      multiple: true,
      summary:
        'a name and the registry behind it; repeatable (REGISTRY and ECR_REGISTRY; else the configuration\'s "registries")',
    },
    {
      name: 'tls-cert',
      value: 'FILE',
      multiple: true,
      summary:
        'certificate with its chain, PEM (TLS_CERTIFICATE); without one plain HTTP is served, on loopback only',
    },
    {
      name: 'tls-key',
      value: 'FILE',
      multiple: true,
      summary:
        'its key (TLS_PRIVATE_KEY); both repeatable, in pairs: clients get the certificate of the name that they ask for',
    },
    {
      name: 'tls-auto',
      summary:
        'a certificate of an authority of its own, kept and renewed as cert does: for a trial, or until there is another',
    },
    {
      name: 'auth',
      value: 'passthrough|inject',
      choices: ['passthrough', 'inject'],
      summary:
        "the client's own Authorization goes on to ECR, or the sidecar logs in itself (ECR_CNAME_PROXY_AUTH)",
    },
    {
      name: 'clients',
      value: 'FILE',
      summary: 'who may use inject: htpasswd with bcrypt (htpasswd -B)',
    },
    {
      name: 'client-ca',
      value: 'FILE',
      summary: 'who may use inject: clients whose certificate it has signed',
    },
    {
      name: 'blobs',
      value: 'redirect|stream',
      choices: ['redirect', 'stream'],
      summary:
        'ECR\'s redirects to S3 are handed on, or followed by the sidecar, to ECR\'s own buckets and "blobHosts" of the configuration alone',
    },
    { name: 'read-only', summary: 'pulls only' },
    {
      name: 'admin',
      value: 'ADDR:PORT',
      summary: '/healthz, /readyz, /metrics and /debug for those who run it (127.0.0.1:9100)',
    },
    {
      name: 'cloudwatch',
      value: 'NAMESPACE',
      summary:
        'pull and push counts to CloudWatch, in the region that REGION names, else the SDK finds',
    },
    {
      name: 'workers',
      value: 'N',
      summary: 'processes that share the listeners, to use more cores (1)',
    },
    {
      name: 'max-connections',
      value: 'N',
      summary: 'at a time, on each address that it listens on, shared by all workers (4096)',
    },
    {
      name: 'max-connections-per-client',
      value: 'N',
      summary: "of one client's address, with each worker (1024)",
    },
    { name: 'max-header', value: 'BYTES', summary: "of a request's head (65536)" },
    { name: 'max-url', value: 'BYTES', summary: "of a request's target (16384)" },
    {
      name: 'idle',
      value: 'SECONDS',
      summary: 'how long a connection may stay without a request (75)',
    },
    {
      name: 'log-format',
      value: 'json|pretty',
      choices: ['json', 'pretty'],
      summary: 'json when stdout is no terminal (ECR_CNAME_LOG: error, warn, info or debug)',
    },
    {
      name: 'drain',
      value: 'SECONDS',
      summary: 'how long requests may finish after SIGTERM (30)',
    },
  ],
  notes: `Without --clients and --client-ca, inject is served on loopback only. What each client may do is
told by "allow" of the configuration: {"alice": ["team-a/*:pull,push", "*:pull"]}. Rules for pushes
are under "push" there, for all names or for one.

Certificates, clients and configuration are read anew when they change, and on SIGHUP; what is
broken then is told in the log, and serving goes on as before.

Each may stand in the configuration under "proxy", in camelCase; flags win over variables, and
variables over the configuration.`,
  example: `ecr-cname serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem \\
  --registry docker.company.com=123456789012.dkr.ecr.us-east-1.amazonaws.com`,
} as const satisfies Omit<Command, 'run'>
