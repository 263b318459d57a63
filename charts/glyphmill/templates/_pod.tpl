{{/* What the restricted profile of Pod Security asks for, and no token of the API server. */}}
{{- define "glyphmill.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "glyphmill.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Where pods go. Input: root, component, given (values of the component). */}}
{{- define "glyphmill.placement" -}}
{{- with .given.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .given.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .given.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .given.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .root.Values.topologySpread }}
topologySpreadConstraints:
  {{- range .root.Values.topologySpread }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "glyphmill.selectorLabels" (dict "root" $.root "component" $.component) | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}

{{/* A start may take two minutes; then: ready by its own word, and dead when the process answers nobody for a minute. */}}
{{- define "glyphmill.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: ops }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
readinessProbe:
  httpGet: { path: /readyz, port: ops }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /livez, port: ops }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}

{{/* Seconds in which it spreads that a pod is going, so that it gets no new callers while it stops. */}}
{{- define "glyphmill.sleepSeconds" -}}5{{- end -}}

{{- define "glyphmill.sleepBeforeStop" -}}
lifecycle:
  preStop:
    sleep:
      seconds: {{ include "glyphmill.sleepSeconds" . }}
{{- end -}}

{{/* /data is each pod's own; only the images in it are shared. */}}
{{- define "glyphmill.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: {{ .Values.scratchSize }} }
- name: data
  emptyDir: { sizeLimit: {{ .Values.scratchSize }} }
{{- if eq .Values.storage.mode "volume" }}
- name: blobs
  persistentVolumeClaim:
    claimName: {{ .Values.storage.volume.existingClaim | default (printf "%s-blobs" (include "glyphmill.fullname" .)) }}
{{- end }}
{{- end -}}

{{/* Input: root, access (rw or ro) of the images. */}}
{{- define "glyphmill.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
- name: data
  mountPath: /data
{{- if eq .root.Values.storage.mode "volume" }}
- name: blobs
  mountPath: /data/blobs
  {{- if eq .access "ro" }}
  readOnly: true
  {{- end }}
{{- end }}
{{- end -}}
