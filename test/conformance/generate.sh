#!/usr/bin/env bash
# npm run generate:conformance: the suite's messages, from the protos in its Go module.
set -euo pipefail
cd "$(dirname "$0")/../.."

module=connectrpc.com/conformance
go -C test/go-tools/conformance mod download "$module"
protos=$(go -C test/go-tools/conformance list -m -f '{{.Dir}}' "$module")/proto
folder=$protos/connectrpc/conformance/v1
buf generate "$protos" --template test/conformance/buf.gen.yaml --output test/conformance \
  --path "$folder/client_compat.proto" --path "$folder/config.proto" --path "$folder/service.proto"
