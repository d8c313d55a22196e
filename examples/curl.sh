#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Publish a model and score with it, by curl alone.
# usage: ADMIN_PASSWORD=... examples/curl.sh [URL [VERSION]]
# Ends with an error when anything did not work.
set -euo pipefail
url=${1:-http://localhost:12800}
version=${2:-example-$$}
here=$(cd "$(dirname "$0")" && pwd)
: "${ADMIN_PASSWORD:?set it to what STATE/admin-password holds}"

# A token is good for an hour; the refresh token of the same answer gets another.
token=$(curl -sf "$url/login" -H 'Content-Type: application/json' \
    -d "{\"username\":\"admin\",\"password\":\"$ADMIN_PASSWORD\"}" |
    sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p')

echo "== publish iris $version"
curl -sf -H "Authorization: Bearer $token" \
    -F description='Iris species' -F model=@"$here/model.pmml" \
    "$url/realtime-services/iris/$version"
echo

echo "== what it takes and gives"
curl -sf -H "Authorization: Bearer $token" "$url/services/iris/$version"
echo

echo "== score two flowers, column-wise"
curl -sf -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"inputData":{"Petal.Length":[1.4,5.1],"Petal.Width":[0.2,1.9]}}' \
    "$url/api/iris/$version"
echo

echo "== the same, row-wise"
curl -sf -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"inputData":[{"Petal.Length":1.4,"Petal.Width":0.2},
                      {"Petal.Length":5.1,"Petal.Width":1.9}]}' \
    "$url/api/iris/$version"
echo

echo "== delete it"
curl -sf -X DELETE -H "Authorization: Bearer $token" "$url/services/iris/$version"
echo
