// In place of the theme's file of this name, which Debian's package lacks: tables get the class that the theme draws lines for.
document.querySelectorAll('.rst-content table').forEach(table => table.classList.add('docutils'));
