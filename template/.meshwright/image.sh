#!/bin/sh
# Build the product's image, as CI does: `sh .meshwright/image.sh NAME:TAG`, and `… NAME:TAG push` to push it too.
# build/sbom.cdx.json is what the image has installed (CycloneDX); build/image-digest, after a push, its digest.
#   ENGINE  docker, podman or buildah, with options; without it docker, or buildah where there is none
#   BASE    another base image, such as your registry's
#   PIP_CONFIG_FILE, UV_CONFIG_FILE  settings of a package index, which no layer keeps
set -eu
cd "$(dirname "$0")/.."
image=$1 push=${2-}
if [ -z "${ENGINE-}" ]; then
  if command -v docker > /dev/null; then ENGINE=docker; else ENGINE="buildah --storage-driver vfs"; fi
fi
case $ENGINE in *buildah*) chroot="--isolation chroot" ;; *) chroot="" ;; esac

set -- --file Containerfile --tag "$image" --label "org.opencontainers.image.version=${image##*:}"
if [ -n "${BASE-}" ]; then set -- "$@" --build-arg "BASE=$BASE"; fi
source=${CI_PROJECT_URL:-${GITHUB_REPOSITORY:+$GITHUB_SERVER_URL/$GITHUB_REPOSITORY}}
if [ -n "$source" ]; then set -- "$@" --label "org.opencontainers.image.source=$source"; fi
revision=${CI_COMMIT_SHA:-${GITHUB_SHA-}}
if [ -n "$revision" ]; then set -- "$@" --label "org.opencontainers.image.revision=$revision"; fi
for settings in "pip.conf,src=${PIP_CONFIG_FILE-}" "uv.toml,src=${UV_CONFIG_FILE-}"; do
  if [ -f "${settings#*=}" ]; then set -- "$@" --secret=id="$settings"; fi
done
# shellcheck disable=SC2086 # the engine and its options are words
$ENGINE build $chroot "$@" .

mkdir -p build
list=/opt/product/sbom.cdx.json
# shellcheck disable=SC2086
if [ -n "$chroot" ]; then
  container=$($ENGINE from --pull-never "$image")
  $ENGINE run $chroot "$container" -- cat "$list" > build/sbom.cdx.json
  $ENGINE rm "$container" > /dev/null
else
  $ENGINE run --rm --network none "$image" cat "$list" > build/sbom.cdx.json
fi

# shellcheck disable=SC2086
if [ "$push" = push ]; then
  case $ENGINE in
    *docker*)
      $ENGINE push "$image"
      $ENGINE image inspect --format '{{index .RepoDigests 0}}' "$image" | sed 's/.*@//' > build/image-digest
      ;;
    *) $ENGINE push --digestfile build/image-digest "$image" ;;
  esac
fi
