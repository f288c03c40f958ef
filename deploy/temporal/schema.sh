#!/bin/sh
# Make Temporal's two databases, or bring them to the schema of this image. Nothing happens to what is up to date.
# SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD say where they are.
set -eu

for kind in temporal visibility; do
    case $kind in
        temporal) database=temporal ;;
        visibility) database=temporal_visibility ;;
    esac
    tool="temporal-sql-tool --plugin postgres12 --endpoint $SQL_HOST --port $SQL_PORT --user $SQL_USER"
    $tool --database "$database" create-database
    $tool --database "$database" setup-schema --version 0.0
    $tool --database "$database" update-schema --schema-name "postgresql/v12/$kind"
done
