{{/* A value as an environment variable holds it: YAML's numbers would become 2e+07. */}}
{{- define "glyphmill.settingText" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/* Milliseconds of a setting of all services. Input: root, name, default. */}}
{{- define "glyphmill.milliseconds" -}}
{{- int64 (get .root.Values.settings .name | default .default) -}}
{{- end -}}

{{/* What all services get besides `settings`: the chart decides it. */}}
{{- define "glyphmill.ownSettings" -}}
HOST: 0.0.0.0
PORT: '8000'
WEB_PORT: '5000'
OPS_PORT: '9464'
DATA_DIR: /data
MIGRATE: never
{{- if eq .Values.storage.mode "s3" }}
BLOB_URL: {{ .Values.storage.s3.url | quote }}
S3_REGION: {{ .Values.storage.s3.region | quote }}
{{- with .Values.storage.s3.endpoint }}
S3_ENDPOINT: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Data of the ConfigMap of settings. */}}
{{- define "glyphmill.settingsData" -}}
{{- include "glyphmill.ownSettings" . }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ include "glyphmill.settingText" $value | quote }}
{{- end }}
{{- end -}}

{{- define "glyphmill.redisUrl" -}}
{{- if .Values.redis.trial.enabled -}}
redis://{{ include "glyphmill.fullname" . }}-redis:6379
{{- else -}}
{{- .Values.redis.url -}}
{{- end -}}
{{- end -}}

{{- define "glyphmill.databaseUrl" -}}
{{- if .Values.postgres.trial.enabled -}}
postgres://glyphmill:{{ .Values.postgres.trial.password | urlquery | replace "+" "%20" }}@{{ include "glyphmill.fullname" . }}-postgres:5432/glyphmill
{{- else -}}
{{- .Values.postgres.url -}}
{{- end -}}
{{- end -}}

{{/* What of these values is secret, by the names of environment variables; what is in Secrets of the user's is not in it. */}}
{{- define "glyphmill.secretData" -}}
{{- if not .Values.redis.existingSecret }}
REDIS_URL: {{ include "glyphmill.redisUrl" . | quote }}
{{- end }}
{{- if not .Values.postgres.existingSecret }}
DATABASE_URL: {{ include "glyphmill.databaseUrl" . | quote }}
{{- end }}
{{- if and .Values.auth.username (not .Values.auth.existingSecret) }}
BASIC_AUTH_USERNAME: {{ .Values.auth.username | quote }}
BASIC_AUTH_PASSWORD: {{ .Values.auth.password | quote }}
{{- end }}
{{- if and .Values.webhooks.secret (not .Values.webhooks.existingSecret) }}
WEBHOOK_SECRET: {{ .Values.webhooks.secret | quote }}
{{- end }}
{{- if and (eq .Values.storage.mode "s3") .Values.storage.s3.accessKeyId (not .Values.storage.s3.existingSecret) }}
S3_ACCESS_KEY_ID: {{ .Values.storage.s3.accessKeyId | quote }}
S3_SECRET_ACCESS_KEY: {{ .Values.storage.s3.secretAccessKey | quote }}
{{- end }}
{{- end -}}

{{/* Input: root, name (of the variable), secret (name of the user's, or empty), key. */}}
{{- define "glyphmill.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret | default (include "glyphmill.fullname" .root) }}
      key: {{ .key | default .name }}
{{- end -}}

{{- define "glyphmill.redisVariable" -}}
{{- include "glyphmill.secretVariable" (dict "root" . "name" "REDIS_URL" "secret" .Values.redis.existingSecret "key" (ternary .Values.redis.existingSecretKey "" (ne .Values.redis.existingSecret ""))) -}}
{{- end -}}

{{- define "glyphmill.databaseVariable" -}}
{{- include "glyphmill.secretVariable" (dict "root" . "name" "DATABASE_URL" "secret" .Values.postgres.existingSecret "key" (ternary .Values.postgres.existingSecretKey "" (ne .Values.postgres.existingSecret ""))) -}}
{{- end -}}

{{- define "glyphmill.storageVariables" -}}
{{- $s3 := .Values.storage.s3 -}}
{{- if and (eq .Values.storage.mode "s3") (or $s3.existingSecret $s3.accessKeyId) }}
{{ include "glyphmill.secretVariable" (dict "root" . "name" "S3_ACCESS_KEY_ID" "secret" $s3.existingSecret) }}
{{ include "glyphmill.secretVariable" (dict "root" . "name" "S3_SECRET_ACCESS_KEY" "secret" $s3.existingSecret) }}
{{- end }}
{{- end -}}

{{- define "glyphmill.hasAuth" -}}
{{- if or .Values.auth.username .Values.auth.existingSecret -}}yes{{- end -}}
{{- end -}}

{{- define "glyphmill.authVariables" -}}
{{- if include "glyphmill.hasAuth" . }}
{{ include "glyphmill.secretVariable" (dict "root" . "name" "BASIC_AUTH_USERNAME" "secret" .Values.auth.existingSecret) }}
{{ include "glyphmill.secretVariable" (dict "root" . "name" "BASIC_AUTH_PASSWORD" "secret" .Values.auth.existingSecret) }}
{{- end }}
{{- end -}}

{{- define "glyphmill.hasWebhooks" -}}
{{- if or .Values.webhooks.secret .Values.webhooks.existingSecret -}}yes{{- end -}}
{{- end -}}

{{- define "glyphmill.webhookVariables" -}}
{{- if include "glyphmill.hasWebhooks" . }}
{{ include "glyphmill.secretVariable" (dict "root" . "name" "WEBHOOK_SECRET" "secret" .Values.webhooks.existingSecret) }}
{{- end }}
{{- end -}}

{{/* Pods are replaced when one of these changes. */}}
{{- define "glyphmill.checksums" -}}
checksum/settings: {{ include "glyphmill.settingsData" . | sha256sum }}
checksum/secrets: {{ include "glyphmill.secretData" . | sha256sum }}
{{- end -}}
