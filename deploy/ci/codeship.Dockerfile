# What Codeship hands the path of the configuration to that it wants. It reads it as another user.
FROM docker-images.company.com/ecr-cname:0.1.0
USER 0
ENTRYPOINT ["ecr-cname", "dockercfg", "--mode", "0644"]
