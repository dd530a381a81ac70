{{- define "cloudgw.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "cloudgw.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "cloudgw.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "cloudgw.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "cloudgw.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "cloudgw.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name the account that exists, or set serviceAccount.create" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Pods of this release: the controller's and the hook's. */}}
{{- define "cloudgw.selector" -}}
app.kubernetes.io/name: {{ include "cloudgw.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cloudgw.controllerSelector" -}}
{{ include "cloudgw.selector" . }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "cloudgw.labels" -}}
{{ include "cloudgw.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: cloudgw
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "cloudgw.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "cloudgw.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "cloudgw.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities:
  drop: [ALL]
{{- end }}

{{/* Rules of one scope, each below its name: (dict "root" $ "scope" "own"). */}}
{{- define "cloudgw.rules" -}}
{{- $root := .root }}
{{- $text := $root.Files.Get "files/rbac.yaml" | replace "{{ .lease }}" (include "cloudgw.fullname" $root) }}
{{- range $name, $entry := fromYaml $text }}
{{- if and (eq $entry.scope $.scope) (not (has $name $root.Values.rbac.omit)) }}
{{- if eq (default $root.Values.mode $entry.mode) $root.Values.mode }}
# {{ $name }}
{{ toYaml $entry.rules }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
