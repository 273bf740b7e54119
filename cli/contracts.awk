# The table of contracts.h, of the contracts whose files are named.
{ nextfile }
END {
  print "/* Made by cli/contracts.awk: change that. */"
  print "#define CONTRACT_DECODERS"
  print "#include \"cli/contracts.h\"\n"
  for (i = 1; i < ARGC; i++) {
    name[i] = ARGV[i]
    gsub(/^.*\/|\.contract$/, "", name[i])
    print "#include \"contracts/" name[i] ".h\""
  }
  print "\nconst struct cli_contract cli_contracts[] = {"
  for (i = 1; i < ARGC; i++)
    printf "    {\"%s\", {%s_TABLE_HASH}, (const void *)&%s_contract, %s_CONTRACT_LENGTH, %s_decoder, sizeof %s_decoder},\n",
      name[i], toupper(name[i]), name[i], toupper(name[i]), name[i], name[i]
  print "};\nconst size_t cli_contract_count = sizeof cli_contracts / sizeof *cli_contracts;"
}
