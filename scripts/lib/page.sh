# The page: its packages and its build.

page_dir=$root/services/web
# Written when a build has succeeded.
page_built=$page_dir/dist/built
# What vite.config.ts asks for.
node_least=20.19

# Installs the page's packages as its lock file has them.
install_page() {
  require_node
  local installed=$page_dir/node_modules/.package-lock.json
  [ -e "$installed" ] && [ ! "$page_dir/package-lock.json" -nt "$installed" ] && return 0
  step "installing the packages of the page"
  npm --prefix "$page_dir" ci --no-progress --loglevel=error
}

build_page() {
  is_page_built && return 0
  install_page
  step "building the page"
  rm -f "$page_built"
  npm --prefix "$page_dir" run --silent build >/dev/null
  touch "$page_built"
}

# Whether nothing that the build reads is newer than what it wrote.
is_page_built() {
  [ -e "$page_built" ] && [ -z "$(find "$page_dir"/{src,scripts,index.html,package-lock.json,vite.config.ts} \
    "$root/schemas/graphql/schema.graphql" -newer "$page_built" ! -name generated.ts -print -quit)" ]
}

require_node() {
  local found
  found=$(node --version 2>/dev/null || echo none)
  command -v npm >/dev/null 2>&1 && [ "$(printf '%s\n' "v$node_least" "$found" | sort -V | head -n 1)" = "v$node_least" ] ||
    fail "the page needs Node $node_least or newer with npm, and here it is: $found" "Install it from https://nodejs.org and run this again."
}
