# shellcheck shell=sh
# Sourced by the steps of an image build that use npm or pnpm. Optional secrets of the build: `npmrc` says which registry
# to use and how to log in there, `ca_certificates` is who signs it. They are in memory only, never in a layer.
if [ -s /run/secrets/npmrc ]; then export NPM_CONFIG_USERCONFIG=/run/secrets/npmrc; fi
if [ -s /run/secrets/ca_certificates ]; then
  export NODE_EXTRA_CA_CERTS=/run/secrets/ca_certificates NPM_CONFIG_CAFILE=/run/secrets/ca_certificates
fi
export NPM_CONFIG_UPDATE_NOTIFIER=false NPM_CONFIG_FUND=false NPM_CONFIG_AUDIT=false CI=true
