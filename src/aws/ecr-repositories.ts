/** Of the SDK's client, what creating a repository uses; a mint need not load it. */

export {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  ECRClient,
} from '@aws-sdk/client-ecr'
