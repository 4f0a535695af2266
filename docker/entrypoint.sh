# What the container does first: a mounted folder that may not be written is refused before any work.
if ! [ -w runs ]; then
  echo "runs: user $(id -u) of this image may not write the mounted folder; make it before Docker does (mkdir runs)," \
       "and build the image with --build-arg UID=\"\$(id -u)\"" >&2
  exit 2
fi
exec "$@"
