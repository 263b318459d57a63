{{/* Room is left for "-worker-" and a pool's name below the 63 characters of a label. */}}
{{- define "glyphmill.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "glyphmill.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "glyphmill.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "glyphmill.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What Deployments find their pods by; never changes. Input: root, component. */}}
{{- define "glyphmill.selectorLabels" -}}
app.kubernetes.io/name: {{ include "glyphmill.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "glyphmill.labels" -}}
{{ include "glyphmill.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* All pods of ours that serve metrics, as a selector. */}}
{{- define "glyphmill.releaseLabels" -}}
app.kubernetes.io/name: {{ include "glyphmill.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "glyphmill.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "glyphmill.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* Input: root, target (of the Dockerfile). */}}
{{- define "glyphmill.image" -}}
{{- with .root.Values.image -}}
{{- if .registry -}}{{ .registry }}/{{- end -}}
{{ .repository }}/{{ $.target }}:{{ .tag | default $.root.Chart.AppVersion }}
{{- end -}}
{{- end -}}
