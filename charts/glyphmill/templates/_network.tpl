{{/* Ranges that are not the public internet: what the services themselves refuse to fetch from. */}}
{{- define "glyphmill.privateIpv4" -}}
- 0.0.0.0/8
- 10.0.0.0/8
- 100.64.0.0/10
- 127.0.0.0/8
- 169.254.0.0/16
- 172.16.0.0/12
- 192.0.0.0/24
- 192.0.2.0/24
- 192.31.196.0/24
- 192.52.193.0/24
- 192.88.99.0/24
- 192.168.0.0/16
- 192.175.48.0/24
- 198.18.0.0/15
- 198.51.100.0/24
- 203.0.113.0/24
- 224.0.0.0/4
- 240.0.0.0/4
{{- end -}}

{{/* Within 2000::/3, which alone is public: all of ULA, link-local and multicast lies outside of it. */}}
{{- define "glyphmill.privateIpv6" -}}
- 2001::/23
- 2001:db8::/32
- 2002::/16
- 2620:4f:8000::/48
- 3fff::/20
{{- end -}}

{{/* Egress to the public internet. Input: ports (TCP; empty: all). */}}
{{- define "glyphmill.publicEgress" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: {{- include "glyphmill.privateIpv4" . | nindent 10 }}
    - ipBlock:
        cidr: 2000::/3
        except: {{- include "glyphmill.privateIpv6" . | nindent 10 }}
  ports:
    {{- if .ports }}
    {{- range .ports }}
    - { protocol: TCP, port: {{ int . }} }
    {{- end }}
    {{- else }}
    - { protocol: TCP, port: 1, endPort: 65535 }
    {{- end }}
{{- end -}}

{{/* Egress to ranges that FETCH_ALLOW_CIDRS names. Input: cidrs (as the setting has them). */}}
{{- define "glyphmill.allowedEgress" -}}
{{- $cidrs := list -}}
{{- range splitList "," (.cidrs | default "") }}{{ with trim . }}{{ $cidrs = append $cidrs . }}{{ end }}{{ end -}}
{{- if $cidrs }}
- to:
    {{- range $cidrs }}
    - ipBlock: { cidr: {{ . | quote }} }
    {{- end }}
  ports:
    - { protocol: TCP, port: 1, endPort: 65535 }
{{- end }}
{{- end -}}

{{- define "glyphmill.hostOf" -}}
{{- (urlParse .).host | regexFind "^(\\[[^]]*\\]|[^:]*)" | trimPrefix "[" | trimSuffix "]" -}}
{{- end -}}

{{/* Input: url (may be empty), default. */}}
{{- define "glyphmill.portOf" -}}
{{- $port := "" -}}
{{- if .url }}{{ $port = (urlParse .url).host | regexFind ":[0-9]+$" | trimPrefix ":" }}{{ end -}}
{{- $port | default .default -}}
{{- end -}}

{{/* The peer that a URL names, if it does by an IP address. */}}
{{- define "glyphmill.addressPeer" -}}
{{- $host := "" -}}
{{- if . }}{{ $host = include "glyphmill.hostOf" . }}{{ end -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+){3}$" $host }}
- ipBlock: { cidr: {{ $host }}/32 }
{{- else if contains ":" $host }}
- ipBlock: { cidr: {{ printf "%s/128" $host | quote }} }
{{- end }}
{{- end -}}

{{/* Peers of Redis and Postgres. Input: root, name. */}}
{{- define "glyphmill.serverPeers" -}}
{{- $values := index .root.Values .name -}}
{{- if $values.trial.enabled }}
- podSelector:
    matchLabels: {{- include "glyphmill.selectorLabels" (dict "root" .root "component" .name) | nindent 6 }}
{{- else if index .root.Values.networkPolicy .name }}
{{- index .root.Values.networkPolicy .name | toYaml | nindent 0 }}
{{- else if not $values.existingSecret }}
{{- include "glyphmill.addressPeer" $values.url }}
{{- end }}
{{- end -}}

{{/* Input: root, name (redis or postgres). */}}
{{- define "glyphmill.serverEgress" -}}
{{- $values := index .root.Values .name -}}
{{- $port := index .root.Values.networkPolicy.ports .name -}}
{{- if and $values.url (not $values.existingSecret) }}{{ $port = include "glyphmill.portOf" (dict "url" $values.url "default" $port) }}{{ end -}}
{{- if $values.trial.enabled }}{{ $port = ternary 6379 5432 (eq .name "redis") }}{{ end -}}
- to: {{- include "glyphmill.serverPeers" . | trim | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ int $port }} }
{{- end -}}

{{/* Where the owner of the tables is sent to, which need not be where the services go: they may have a pooler before them. */}}
{{- define "glyphmill.migrationPeers" -}}
{{- if .Values.networkPolicy.migration }}
{{- .Values.networkPolicy.migration | toYaml | nindent 0 }}
{{- else if .Values.migration.url }}
{{- include "glyphmill.addressPeer" .Values.migration.url | trim | default (include "glyphmill.namedMigrationPeers" .) }}
{{- else }}
{{- include "glyphmill.serverPeers" (dict "root" . "name" "postgres") }}
{{- end }}
{{- end -}}

{{/* A name may be Postgres's own, but not where Postgres is told by its address alone. */}}
{{- define "glyphmill.namedMigrationPeers" -}}
{{- if or .Values.networkPolicy.postgres .Values.postgres.trial.enabled }}
{{- include "glyphmill.serverPeers" (dict "root" . "name" "postgres") }}
{{- end }}
{{- end -}}

{{- define "glyphmill.migrationEgress" -}}
{{- $own := .Values.networkPolicy.ports.migration -}}
{{- if .Values.migration.url -}}
{{- $port := include "glyphmill.portOf" (dict "url" .Values.migration.url "default" ($own | default 5432)) }}
- to: {{- include "glyphmill.migrationPeers" . | trim | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ int $port }} }
{{- else if or $own .Values.networkPolicy.migration }}
- to: {{- include "glyphmill.migrationPeers" . | trim | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ int ($own | default .Values.networkPolicy.ports.postgres) }} }
{{- else }}
{{- include "glyphmill.serverEgress" (dict "root" . "name" "postgres") }}
{{- end }}
{{- end -}}

{{- define "glyphmill.dnsEgress" -}}
- to: {{- toYaml .Values.networkPolicy.dns | nindent 4 }}
  ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
{{- end -}}

{{- define "glyphmill.storageEgress" -}}
{{- if eq .Values.storage.mode "s3" }}
{{- $s3 := .Values.storage.s3 -}}
{{- $port := include "glyphmill.portOf" (dict "url" $s3.endpoint "default" (ternary 80 443 (hasPrefix "http://" $s3.endpoint))) | int -}}
{{- $peers := .Values.networkPolicy.s3 | default (include "glyphmill.addressPeer" $s3.endpoint | fromYamlArray) -}}
{{- if $peers }}
- to: {{- toYaml $peers | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ $port }} }
{{- else }}
{{ include "glyphmill.publicEgress" (dict "ports" (list $port)) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What every service of ours needs. */}}
{{- define "glyphmill.baseEgress" -}}
{{ include "glyphmill.dnsEgress" . }}
{{ include "glyphmill.serverEgress" (dict "root" . "name" "redis") }}
{{ include "glyphmill.serverEgress" (dict "root" . "name" "postgres") }}
{{ include "glyphmill.storageEgress" . | trim }}
{{- end -}}

{{- define "glyphmill.opsIngress" -}}
- from: {{- toYaml .Values.networkPolicy.scrapers | nindent 4 }}
  ports:
    - { protocol: TCP, port: 9464 }
{{- end -}}

{{/* Head of a policy for a component. Input: root, component. */}}
{{- define "glyphmill.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "glyphmill.fullname" .root }}-{{ .component }}
  labels: {{- include "glyphmill.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "glyphmill.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end -}}
