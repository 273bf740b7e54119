# For tests in shell, sourced: makes $scratch/web.yaml, the web system's manifest with stand-ins for its images and folders;
# the reader of the tests does not ask whether an image may run.
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/site" "$scratch/scripts" "$scratch/images"
for image in network files console names program; do echo "$image" >"$scratch/images/$image"; done
sed "s|\.\./\.\./build/apps/[a-z/]*|$scratch/images/program|" apps/web/web.yaml >"$scratch/web.yaml"
