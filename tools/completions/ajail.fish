# Completion of ajail's command line in fish: what the word may become is asked of ajail itself, the rest are files.
function __ajail_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l last (commandline --current-token --cut-at-cursor)
    # Never the word that was typed: it is not expanded here, and there may be a directory `~`.
    set -l ajail (command --search ajail)
    string match --quiet '/*' -- "$ajail"; or return
    $ajail complete -- $words[2..-1] "$last" 2>/dev/null
end
complete --command ajail --arguments '(__ajail_complete)'
