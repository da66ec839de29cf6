# a comment ${{ nothing }}
case ${{ env.A }} in a) echo "${{ inputs.a }}";; esac
x=$(( ${{ inputs.n }} + 1 )); y=`echo ${{ env.A }}`; z="$(printf %s "${v:-${{ item }}}")"
cat <<EOT
${{ needs.b.outputs.o[1].a }} $(cat ${{ run.id }})
EOT
[[ ${{ run.attempt }} -eq 1 ]] && echo $'a' 'b' "${a%${{ env.A }}}"
