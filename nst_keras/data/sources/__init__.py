"""Where labelled pictures lie: folders, archives, tables, stores with addresses."""
