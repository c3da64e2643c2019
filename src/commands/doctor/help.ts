/** What `doctor --help` says. */

import type { Command } from '../command.ts'

export const doctorHelp = {
  name: 'doctor',
  group: 'Configuration',
  summary: 'Look at every link from docker pull to ECR: what is wrong, why, what mends it',
  operands: '[HOST[/REPOSITORY]]',
  options: [
    { name: 'fix', summary: 'mend what is safe to mend, after asking' },
    { name: 'yes', summary: 'do not ask' },
    { name: 'offline', summary: 'ask nothing of any network' },
    { name: 'json', summary: 'print the findings as JSON' },
    {
      name: 'bundle',
      value: 'FILE',
      summary: 'write a report for whoever helps you, with every secret removed',
    },
    {
      name: 'root',
      value: 'DIR',
      summary: "where the engines' files in /etc, and /proc, are, such as /host (/)",
    },
  ],
  notes: `Without HOST, all names of the configuration. With REPOSITORY, whether that one may be pulled. Nothing
is changed without --fix, and permissions are probed by calls that change nothing. It ends with 1
when something is broken.`,
  example: `ecr-cname doctor
ecr-cname doctor docker.company.com/team/app
ecr-cname doctor --fix
sudo ecr-cname doctor --root /host --bundle report.json`,
} as const satisfies Omit<Command, 'run'>
