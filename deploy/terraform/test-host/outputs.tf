output "instance_id" {
  description = "The instance; \"aws ec2 get-console-output\" of it ends with \"ecr-cname: pulled\" when all went well."
  value       = aws_instance.this.id
}

output "private_ip" {
  description = "Address of the host in the VPC."
  value       = aws_instance.this.private_ip
}
