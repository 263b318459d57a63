{{/* Names of the pools that are on, as JSON. */}}
{{- define "glyphmill.pools" -}}
{{- $names := list -}}
{{- range $name := keys .Values.workers | sortAlpha -}}
{{- $pool := include "glyphmill.pool" (dict "root" $ "name" $name) | fromJson -}}
{{- if $pool.enabled }}{{ $names = append $names $name }}{{ end -}}
{{- end -}}
{{- $names | toJson -}}
{{- end -}}

{{/* A pool with whatever it takes from `cpu` or `gpu`, as JSON. Input: root, name. */}}
{{- define "glyphmill.pool" -}}
{{- $given := index .root.Values.workers .name -}}
{{- $base := index .root.Values.workers (ternary "gpu" "cpu" (eq ($given.provider | default "cpu") "cuda")) -}}
{{- $pool := mergeOverwrite (deepCopy $base) (deepCopy $given) -}}
{{- $pool = set $pool "enabled" (dig "enabled" true $given) -}}
{{- $pool | toJson -}}
{{- end -}}

{{/* Milliseconds of a setting of a pool. Input: root, pool, name, default. */}}
{{- define "glyphmill.poolMilliseconds" -}}
{{- int64 (get .pool.settings .name | default (include "glyphmill.milliseconds" .)) -}}
{{- end -}}

{{/* The longest that a page may take which a worker has in hand: its download, the page before it, itself. */}}
{{- define "glyphmill.longestPageMs" -}}
{{- $fetch := include "glyphmill.poolMilliseconds" (dict "root" .root "pool" .pool "name" "FETCH_TIMEOUT_MS" "default" 15000) | int64 -}}
{{- $page := include "glyphmill.poolMilliseconds" (dict "root" .root "pool" .pool "name" "PAGE_TIMEOUT_MS" "default" 20000) | int64 -}}
{{- add $fetch (mul 2 $page) -}}
{{- end -}}

{{- define "glyphmill.drainGraceMs" -}}
{{- if kindIs "invalid" .pool.drainGraceMs -}}
{{- add (include "glyphmill.longestPageMs" . | int64) 5000 -}}
{{- else -}}
{{- int64 .pool.drainGraceMs -}}
{{- end -}}
{{- end -}}

{{/* After draining a worker closes within 6 s, whatever hangs; the rest is for a slow node. */}}
{{- define "glyphmill.workerGraceSeconds" -}}
{{- add (divf (include "glyphmill.drainGraceMs" . | float64) 1000 | ceil) 15 -}}
{{- end -}}

{{/* Jobs for one pod, as a quantity. */}}
{{- define "glyphmill.loadPerPod" -}}
{{- $milli := round (mulf .pagesPerSecondPerPod .targetWaitSeconds 1000) 0 | int64 -}}
{{- if eq (mod $milli 1000) 0 -}}{{ div $milli 1000 }}{{- else -}}{{ $milli }}m{{- end -}}
{{- end -}}

{{/* How replicas are counted: external, keda, cpu or none. Input: root, pool. */}}
{{- define "glyphmill.poolMode" -}}
{{- $mode := .root.Values.autoscaling.mode -}}
{{- if and (eq $mode "cpu") (eq .pool.provider "cuda") -}}none{{- else -}}{{ $mode }}{{- end -}}
{{- end -}}

{{/* Of an autoscaler, to and fro. */}}
{{- define "glyphmill.scalingBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: {{ int .Values.autoscaling.scaleUp.stabilizationWindowSeconds }}
  selectPolicy: Max
  policies:
    - type: Percent
      value: 100
      periodSeconds: 15
    - type: Pods
      value: {{ int .Values.autoscaling.scaleUp.podsPer15Seconds }}
      periodSeconds: 15
scaleDown:
  stabilizationWindowSeconds: {{ int .Values.autoscaling.scaleDown.stabilizationWindowSeconds }}
  policies:
    - type: Pods
      value: 1
      periodSeconds: {{ int .Values.autoscaling.scaleDown.secondsPerPod }}
{{- end -}}
