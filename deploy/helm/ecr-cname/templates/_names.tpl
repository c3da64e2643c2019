{{- define "ecr-cname.selector" -}}
app.kubernetes.io/name: ecr-cname
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ecr-cname.metadata" -}}
name: {{ .Release.Name }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "ecr-cname.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
