/** What `serve --help` says; apart from the command, whose code the help need not load. */

import type { Command } from './command.ts'

export const serveHelp = {
  name: 'serve',
  summary: 'Serve a name of your own over TLS and speak to ECR under its own',
  usage: `ecr-cname serve [options]

  --listen ADDR:PORT        where to listen; repeatable (PORT: the port alone; 127.0.0.1:5000)
  --registry HOST=ECR_HOST  a name and the registry behind it; repeatable (REGISTRY and
                            ECR_REGISTRY; else the configuration's "registries")
  --tls-cert FILE           certificate with its chain, PEM (TLS_CERTIFICATE); without one plain
  --tls-key FILE            HTTP is served, on loopback only (TLS_PRIVATE_KEY); repeatable in
                            pairs, and clients get the certificate of the name that they ask for
  --auth passthrough|inject the client's own Authorization goes on to ECR, or the sidecar logs in
                            itself (ECR_CNAME_PROXY_AUTH)
  --clients FILE            who may use inject: htpasswd with bcrypt (htpasswd -B)
  --client-ca FILE          who may use inject: clients whose certificate it has signed
  --blobs redirect|stream   ECR's redirects to S3 are handed on, or followed by the sidecar, to
                            ECR's own buckets and "blobHosts" of the configuration alone
  --read-only               pulls only
  --admin ADDR:PORT         /healthz for those who run it (127.0.0.1:9100)
  --max-connections N       at a time, on each address that it listens on (4096)
  --max-connections-per-client N  of one client's address (1024)
  --max-header BYTES        of a request's head (65536)
  --max-url BYTES           of a request's target (16384)
  --idle SECONDS            how long a connection may stay without a request (75)
  --log-format json|pretty  json when stdout is no terminal (ECR_CNAME_LOG: error, warn, info or
                            debug)
  --drain SECONDS           how long requests may finish after SIGTERM (30)

Without --clients and --client-ca, inject is served on loopback only. What each client may do is
told by "allow" of the configuration: {"alice": ["team-a/*:pull,push", "*:pull"]}.

Certificates, clients and configuration are read anew when they change, and on SIGHUP; what is
broken then is told in the log, and serving goes on as before.

Each may stand in the configuration under "proxy", in camelCase; flags win over variables, and
variables over the configuration.`,
  example: `ecr-cname serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem \\
  --registry docker.company.com=123456789012.dkr.ecr.us-east-1.amazonaws.com`,
} as const satisfies Omit<Command, 'run'>
