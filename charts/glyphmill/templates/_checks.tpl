{{/* What the schema cannot say: each in a sentence that names the value. */}}
{{- define "glyphmill.check" -}}
{{- include "glyphmill.checkServers" . -}}
{{- include "glyphmill.checkStorage" . -}}
{{- include "glyphmill.checkPools" . -}}
{{- include "glyphmill.checkNetwork" . -}}
{{- if and .Values.ingest.enabled (not .Values.ingest.inbox.existingClaim) -}}
{{- fail "ingest.inbox.existingClaim is needed where ingest is enabled: the claim of the folder that is watched" -}}
{{- end -}}
{{- if and .Values.ingest.enabled .Values.ingest.inbox.readOnly (eq (.Values.settings.INGEST_AFTER | default "keep") "move") -}}
{{- fail "settings.INGEST_AFTER is move, but ingest.inbox.readOnly keeps files from being moved: set it to false" -}}
{{- end -}}
{{- end -}}

{{- define "glyphmill.checkServers" -}}
{{- /* None of these may show the URL: there is a password in it. */ -}}
{{- if and .Values.redis.url (not (regexMatch "^rediss?://[^/]+" .Values.redis.url)) -}}
{{- fail "redis.url has to be redis://host:6379 or rediss://host:6379" -}}
{{- end -}}
{{- range $name := list "postgres" "migration" -}}
{{- with (index $.Values $name).url -}}
{{- if not (regexMatch "^postgres(ql)?://[^/]+" .) -}}
{{- fail (printf "%s.url has to be postgres://user:password@host:5432/database: no other database can be shared by pods" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name := list "redis" "postgres" -}}
{{- $values := index $.Values $name -}}
{{- $ways := list -}}
{{- if $values.url }}{{ $ways = append $ways (printf "%s.url" $name) }}{{ end -}}
{{- if $values.existingSecret }}{{ $ways = append $ways (printf "%s.existingSecret" $name) }}{{ end -}}
{{- if $values.trial.enabled }}{{ $ways = append $ways (printf "%s.trial.enabled" $name) }}{{ end -}}
{{- if not $ways -}}
{{- fail (printf "Say where %s is: %s.url, %s.existingSecret, or %s.trial.enabled=true to try things out" (title $name) $name $name $name) -}}
{{- end -}}
{{- if gt (len $ways) 1 -}}
{{- fail (printf "%s contradict each other: keep one of them" (join " and " $ways)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.auth.existingSecret .Values.auth.username -}}
{{- fail "auth.existingSecret and auth.username contradict each other: keep one of them" -}}
{{- end -}}
{{- if and .Values.webhooks.existingSecret .Values.webhooks.secret -}}
{{- fail "webhooks.existingSecret and webhooks.secret contradict each other: keep one of them" -}}
{{- end -}}
{{- if and .Values.migration.existingSecret .Values.migration.url -}}
{{- fail "migration.existingSecret and migration.url contradict each other: keep one of them" -}}
{{- end -}}
{{- end -}}

{{- define "glyphmill.checkStorage" -}}
{{- $s3 := .Values.storage.s3 -}}
{{- if eq .Values.storage.mode "s3" -}}
{{- if not $s3.url -}}
{{- fail "storage.s3.url is needed where storage.mode is s3: s3://bucket or s3://bucket/prefix. Without S3: storage.mode=volume" -}}
{{- end -}}
{{- if not (regexMatch "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_.-]+)*/?$" $s3.url) -}}
{{- fail (printf "storage.s3.url has to be s3://bucket or s3://bucket/prefix, and not %s" $s3.url) -}}
{{- end -}}
{{- if and $s3.existingSecret $s3.accessKeyId -}}
{{- fail "storage.s3.existingSecret and storage.s3.accessKeyId contradict each other: keep one of them" -}}
{{- end -}}
{{- else if $s3.url -}}
{{- fail "storage.s3.url is set, but storage.mode is volume: images would not go to S3" -}}
{{- end -}}
{{- end -}}

{{- define "glyphmill.checkPools" -}}
{{- $served := list -}}
{{- $syncMs := include "glyphmill.milliseconds" (dict "root" . "name" "SYNC_TIMEOUT_MS" "default" 30000) | int64 -}}
{{- range $name := include "glyphmill.pools" . | fromJsonArray -}}
{{- $pool := include "glyphmill.pool" (dict "root" $ "name" $name) | fromJson -}}
{{- $served = concat $served $pool.lanes -}}
{{- if lt (int $pool.maxReplicas) (int $pool.minReplicas) -}}
{{- fail (printf "workers.%s.maxReplicas (%d) is below workers.%s.minReplicas (%d)" $name (int $pool.maxReplicas) $name (int $pool.minReplicas)) -}}
{{- end -}}
{{- $longestMs := include "glyphmill.longestPageMs" (dict "root" $ "pool" $pool) | int64 -}}
{{- $graceMs := include "glyphmill.drainGraceMs" (dict "root" $ "pool" $pool) | int64 -}}
{{- if lt $graceMs $longestMs -}}
{{- fail (printf "workers.%s.drainGraceMs (%d) is shorter than the longest page: FETCH_TIMEOUT_MS + 2 × PAGE_TIMEOUT_MS = %d" $name $graceMs $longestMs) -}}
{{- end -}}
{{- $scalesOnQueue := has $.Values.autoscaling.mode (list "external" "keda") -}}
{{- if and $scalesOnQueue (has "interactive" $pool.lanes) (gt (mulf $pool.targetWaitSeconds 2000) (float64 $syncMs)) -}}
{{- fail (printf "workers.%s.targetWaitSeconds (%v) is more than half of SYNC_TIMEOUT_MS (%d ms), and the pool takes interactive jobs: callers would be turned away before a pod is added" $name $pool.targetWaitSeconds $syncMs) -}}
{{- end -}}
{{- end -}}
{{- range $lane := list "interactive" "bulk" -}}
{{- if not (has $lane $served) -}}
{{- fail (printf "No pool of workers takes %s jobs: add %s to the lanes of one that is enabled" $lane $lane) -}}
{{- end -}}
{{- end -}}
{{- if lt (int .Values.api.autoscaling.maxReplicas) (int .Values.api.autoscaling.minReplicas) -}}
{{- fail (printf "api.autoscaling.maxReplicas (%d) is below api.autoscaling.minReplicas (%d)" (int .Values.api.autoscaling.maxReplicas) (int .Values.api.autoscaling.minReplicas)) -}}
{{- end -}}
{{- end -}}

{{- define "glyphmill.checkNetwork" -}}
{{- if .Values.networkPolicy.enabled -}}
{{- range $name := list "redis" "postgres" -}}
{{- if not (include "glyphmill.serverPeers" (dict "root" $ "name" $name) | trim) -}}
{{- fail (printf "networkPolicy.%s is needed: policies know no names, so say by address or namespace where %s is (or set networkPolicy.enabled=false)" $name (title $name)) -}}
{{- end -}}
{{- end -}}
{{- if not (include "glyphmill.migrationPeers" . | trim) -}}
{{- fail "networkPolicy.migration is needed: policies know no names, so say by address or namespace where migration.url is (or set networkPolicy.enabled=false)" -}}
{{- end -}}
{{- include "glyphmill.checkCallers" . -}}
{{- $s3 := .Values.storage.s3 -}}
{{- if and (eq .Values.storage.mode "s3") $s3.endpoint (not .Values.networkPolicy.s3) -}}
{{- $host := include "glyphmill.hostOf" $s3.endpoint -}}
{{- /* One dot: a service and its namespace. */ -}}
{{- if or (not (regexMatch "[.:]" $host)) (regexMatch "^[^.:]+\\.[^.:]+$" $host) (regexMatch "\\.(svc|local|internal)$|\\.svc\\." $host) -}}
{{- fail (printf "networkPolicy.s3 is needed: %s is no public name, so say by address or namespace where S3 is (or set networkPolicy.enabled=false)" $host) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whoever comes in by an ingress or a port of the nodes is no pod of this namespace. */}}
{{- define "glyphmill.checkCallers" -}}
{{- $waysIn := list -}}
{{- if .Values.ingress.enabled }}{{ $waysIn = append $waysIn "ingress.enabled" }}{{ end -}}
{{- if ne .Values.api.service.type "ClusterIP" }}{{ $waysIn = append $waysIn (printf "api.service.type %s" .Values.api.service.type) }}{{ end -}}
{{- if and .Values.web.enabled (ne .Values.web.service.type "ClusterIP") }}{{ $waysIn = append $waysIn (printf "web.service.type %s" .Values.web.service.type) }}{{ end -}}
{{- if and $waysIn (eq (toJson .Values.networkPolicy.callers) `[{"podSelector":{}}]`) -}}
{{- fail (printf "networkPolicy.callers lets pods of this namespace in alone, and %s would lead nobody in: name the namespace of the ingress controller, or the addresses of callers" (join " and " $waysIn)) -}}
{{- end -}}
{{- end -}}
